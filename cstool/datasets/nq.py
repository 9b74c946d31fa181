"""Natural Questions in the forms in which it is passed around, each read as one entry a question.

NQ-Open's JSONL (Lee, Chang and Toutanova 2019), the training data of dense retrievers
(`biencoder-nq-*.json`, Karpukhin et al. 2020), question-passage pairs, and for the questions in
further languages MKQA (Longpre, Lu and Daiber 2021).
"""

import csv
import reprlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cstool import formats

_KINDS = "question and answer; question, answers and positive_ctxs; query and passage; query, pos"


@dataclass(frozen=True, slots=True)
class Context:
    """A passage as it stands in a file, where it may have an id, and a title."""

    id: str | None
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A question with its answers and the passages that a file has for it.

    `gold` are those that an annotator marked, `matched` those that somebody found to hold an
    answer string, `hard` what a search gave without an answer, `other` what was drawn at random.
    """

    question: str
    answers: tuple[str, ...] = ()
    gold: tuple[Context, ...] = ()
    matched: tuple[Context, ...] = ()
    hard: tuple[Context, ...] = ()
    other: tuple[Context, ...] = ()

    @property
    def contexts(self) -> tuple[Context, ...]:
        """All its passages."""
        return self.gold + self.matched + self.hard + self.other


def parse_entry(line: str | bytes) -> Entry:
    """Read an entry of any of the forms, told apart by their keys; ValueError says what is wrong.

    Of `positive_ctxs` the first is the annotated one; the others were added because they hold an
    answer string.
    """
    text = line if isinstance(line, str) else line.decode("utf-8")
    row = formats.parse_object(text)
    if "positive_ctxs" in row:
        positives = _contexts(row, "positive_ctxs")
        return Entry(
            _question(row, "question"),
            _strings(row, "answers"),
            tuple(positives[:1]),
            tuple(positives[1:]),
            tuple(_contexts(row, "hard_negative_ctxs")),
            tuple(_contexts(row, "negative_ctxs")),
        )
    if "question" in row:
        return Entry(_question(row, "question"), _strings(row, "answer"))
    if "query" in row and "pos" in row:
        gold, hard = (
            tuple(Context(None, "", passage) for passage in _strings(row, key))
            for key in ("pos", "neg")
        )
        return Entry(_question(row, "query"), gold=gold, hard=hard)
    if "query" in row and "passage" in row:
        pair = formats.parse_pair(text)
        return Entry(_question(row, "query"), gold=(Context(None, "", pair.passage),))
    raise ValueError(f"keys {reprlib.repr(', '.join(row))}, expected {_KINDS}")


def parse_context(line: str) -> Context | None:
    """Read a passage: `id<TAB>text<TAB>title` as DPR has it, its header (None), or one of ours.

    Fields with quotation marks are quoted as in CSV.
    """
    if line.startswith("{"):
        passage = formats.parse_text(line)
        return Context(passage.id, "", passage.text)
    if line == "id\ttext\ttitle":
        return None
    try:
        name, text, *title = next(csv.reader([line], delimiter="\t", strict=True))
    except (csv.Error, StopIteration, ValueError):
        name, text, title = "", "", ["", ""]
    if len(title) > 1 or not text:
        raise ValueError(f"{reprlib.repr(line)}, expected id<TAB>text<TAB>title")
    return Context(formats.check_id(name), "".join(title), text)


def parse_mkqa(line: str) -> tuple[str, dict[str, str]]:
    """Read a question of MKQA: as it was asked in English, and in each language."""
    row = formats.parse_object(line)
    missing = [key for key in ("query", "queries") if key not in row]
    if missing:
        raise ValueError(f"no {' and no '.join(missing)}; expected MKQA's query and queries")
    queries = row["queries"]
    if not isinstance(queries, dict) or not all(isinstance(text, str) for text in queries.values()):
        raise ValueError(f"queries is {reprlib.repr(queries)}, expected a text for each language")
    return _question(row, "query"), queries


def question_key(question: str) -> str:
    """Give the form under which equal questions of several files find each other.

    Case, spacing and a question mark at the end make no difference, nor does how accents are coded.
    """
    text = unicodedata.normalize("NFKC", question).casefold()
    return " ".join(text.replace("’", "'").split()).rstrip("?").rstrip()


def _question(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} is {reprlib.repr(value)}, expected a question")
    return value


def _strings(row: Mapping[str, Any], key: str) -> tuple[str, ...]:
    values = row.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise ValueError(f"{key} is {reprlib.repr(values)}, expected a list of strings")
    return tuple(values)


def _contexts(row: Mapping[str, Any], key: str) -> list[Context]:
    values = row.get(key, [])
    if not isinstance(values, list):
        raise ValueError(f"{key} is {reprlib.repr(values)}, expected a list of passages")
    return [_context(value, f"{key}[{i}]") for i, value in enumerate(values)]


def _context(value: Any, place: str) -> Context:
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise ValueError(f"{place} is {reprlib.repr(value)}, expected a passage with its text")
    name = value.get("passage_id", value.get("psg_id"))
    title = value.get("title")
    return Context(
        formats.check_id(str(name)) if name not in (None, "") else None,
        title if isinstance(title, str) else "",
        value["text"],
    )
