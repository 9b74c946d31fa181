"""What flows between commands. Nothing here knows about files."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """A query or a passage; `extra` holds further keys of JSON, and is None if it came as TSV."""

    id: str
    text: str
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """A query, a passage and whether the passage answers it (label 1) or not (0).

    `extra` holds the further keys of the JSON object; stages pass them through unchanged.
    """

    qid: str
    query: str
    pid: str
    passage: str
    label: float
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Qrel:
    """How relevant a passage is to a query: 0 is not, higher is more."""

    qid: str
    pid: str
    relevance: int


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found for a query, with the score that ranks it."""

    qid: str
    pid: str
    score: float


@dataclass(frozen=True, slots=True)
class Entry:
    """A word or phrase, one translation of it, and how good that is (higher is better)."""

    source: str
    target: str
    score: float = 1.0


@dataclass(frozen=True, slots=True)
class Pair:
    """A query and a passage that answers it, not yet numbered."""

    query: str
    passage: str


@dataclass(frozen=True, slots=True)
class Triple:
    """A query, a passage that answers it and one that does not: three ids or three texts."""

    query: str
    positive: str
    negative: str


@dataclass(frozen=True, slots=True)
class Score:
    """The value of one measure for one query (`qid`) or for the mean over all (`all`)."""

    system: str
    query_lang: str
    passage_lang: str
    seed: str
    measure: str
    qid: str
    value: float
