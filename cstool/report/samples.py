"""Code-switched training examples for a page: text in pieces, each as it was or replaced."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from cstool.records import Example

MARK = "switched"  # the key that `codeswitch --mark` writes


@dataclass(frozen=True)
class Piece:
    """A piece of a text; `source` is what stood there before, None if nothing was replaced."""

    text: str
    source: str | None = None
    script: str = ""


@dataclass(frozen=True)
class Sample:
    """A training example: its ids and label, and both sides in pieces."""

    qid: str
    pid: str
    label: float
    query: Sequence[Piece]
    passage: Sequence[Piece]


def samples(examples: Iterable[Example], count: int) -> list[Sample]:
    """Take the first positive examples with replacements, every query and passage once."""
    seen: set[str] = set()
    return list(islice(_samples(examples, seen), count))


def _samples(examples: Iterable[Example], seen: set[str]) -> Iterator[Sample]:
    for example in examples:
        marks = example.extra.get(MARK)
        ids = {f"query {example.qid}", f"passage {example.pid}"}
        if not isinstance(marks, dict) or not any(marks.values()):
            continue
        if example.label > 0 and seen.isdisjoint(ids):
            seen |= ids
            sides = [
                list(_pieces(text, marks.get(side) or []))
                for side, text in (("query", example.query), ("passage", example.passage))
            ]
            yield Sample(example.qid, example.pid, example.label, *sides)


def _pieces(text: str, marks: Sequence[tuple[int, int, str]]) -> Iterator[Piece]:
    done = 0
    for start, end, source in marks:
        if start > done:
            yield Piece(text[done:start])
        yield Piece(text[start:end], source, _script(text[start:end]))
        done = end
    if done < len(text):
        yield Piece(text[done:])


def _script(text: str) -> str:
    """Name the script of the first letter, which is the first word of its Unicode name."""
    name = next((unicodedata.name(sign, "") for sign in text if sign.isalpha()), "")
    return name.partition(" ")[0].lower()
