"""What code-switching replaced in a text: where, by what; to apply it, note it, take it back."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import orjson

from cstool.errors import CstoolError
from cstool.records import Example, Text


class Replacement(NamedTuple):  # one per replaced word: a frozen dataclass takes thrice as long
    """What stands in a switched text instead of the characters from `start` to `end`."""

    start: int
    end: int
    source: str
    target: str
    language: str


Sides = Mapping[str, Sequence[Replacement]]  # "query" and "passage", or "text"


def joined(text: str, made: Iterable[Replacement]) -> str:
    """Give a text in which everything is replaced."""
    pieces: list[str] = []
    done = 0
    for start, end, _, target, _ in made:
        pieces += [text[done:start], target]
        done = end
    return "".join([*pieces, text[done:]])


def marked(record: Example | Text, sides: Sides) -> Example:
    """Note in a switched example where what stands for which words: side to [start, end, words].

    Start and end count characters of the switched text; with them, the original can be restored.
    """
    if isinstance(record, Text):
        raise CstoolError(f"{record.id} is a query or a passage: only examples can be marked")
    places: dict[str, list[tuple[int, int, str]]] = {}
    for side, made in sides.items():
        moved = 0  # how many characters longer the text has become so far
        for start, end, source, target, _ in made:
            begin = start + moved
            places.setdefault(side, []).append((begin, begin + len(target), source))
            moved += len(target) - (end - start)
    return replace(record, extra={**record.extra, "switched": places})


def restored(
    text: str, places: Iterable[tuple[int, int, str]]
) -> tuple[str, list[tuple[int, int]]]:
    """Give the text that was switched, from what `marked` notes, and where its words stood."""
    pieces: list[str] = []
    spans: list[tuple[int, int]] = []
    done = length = 0
    for start, end, source in places:
        pieces += [text[done:start], source]
        length += start - done
        spans.append((length, length + len(source)))
        length += len(source)
        done = end
    return "".join([*pieces, text[done:]]), spans


def trace(record: Example | Text, sides: Sides) -> Iterator[str]:
    """Give a line of JSON for each replacement: whose text it is in, where, and what it is."""
    if isinstance(record, Example):
        whose: dict[str, Any] = {"qid": record.qid, "pid": record.pid}
    else:
        whose = {"id": record.id}
    copy = {"copy": record.extra["copy"]} if record.extra and "copy" in record.extra else {}
    for side, made in sides.items():
        for item in made:
            row = {**whose, **copy, "side": side, **item._asdict()}
            yield orjson.dumps(row).decode("utf-8")
