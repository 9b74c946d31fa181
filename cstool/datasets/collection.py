"""What every dataset is turned into: queries, passages and judgements that fit each other."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cstool.records import Qrel, Text

_ID_DIGITS = 16  # 64 bits: among ten million texts two share an id with a chance of 3 in a million


@dataclass(frozen=True)
class Collection:
    """A dataset ready to be written; `left_out` says what is not in it, and how many there were."""

    queries: list[Text]
    passages: Iterable[Text]
    qrels: list[Qrel]
    left_out: Mapping[str, int] = field(default_factory=dict)


@dataclass
class OneLine:
    """Puts texts on one line, as TSV needs it, and counts those it changed and the empty ones.

    Every run of whitespace becomes one space, at the ends none. A byte order mark (U+FEFF), which
    some files have at the start of their texts, counts as whitespace.
    """

    changed: int = 0
    empty: int = 0

    def __call__(self, text: str) -> str:
        """Give the text on one line."""
        line = " ".join(text.replace("\ufeff", " ").split())
        self.changed += line != text
        self.empty += not line
        return line


@dataclass
class Tables:
    """Queries, then judgements, then passages, as they stream by, checked against each other.

    Each of the three methods takes a record and gives it back; ValueError says what is wrong.
    """

    one_line: OneLine = field(default_factory=OneLine)
    queries: dict[str, Text] = field(default_factory=dict)
    grades: dict[tuple[str, str], int] = field(default_factory=dict)
    repeated: int = 0  # judgements that say again what was said
    awaited: set[str] = field(default_factory=set)  # judged passages that have not come yet
    _come: set[str] = field(default_factory=set)  # judged passages that have

    def query(self, text: Text) -> Text:
        """Take a query."""
        if text.id in self.queries:
            raise ValueError(f"query {text.id} comes a second time")
        self.queries[text.id] = text
        return text

    def qrel(self, qrel: Qrel) -> Qrel:
        """Take a judgement; saying the same thing twice is harmless."""
        pair = (qrel.qid, qrel.pid)
        if self.grades.get(pair, qrel.relevance) != qrel.relevance:
            raise ValueError(
                f"passage {qrel.pid} is judged {qrel.relevance} for query {qrel.qid}, "
                f"{self.grades[pair]} before"
            )
        self.repeated += pair in self.grades
        self.grades[pair] = qrel.relevance
        self.awaited.add(qrel.pid)
        return qrel

    def passage(self, text: Text) -> Text:
        """Take a passage and put it on one line; a second one is noticed if it is judged."""
        # Not for every passage: the ids of a large collection alone fill a gigabyte.
        if text.id in self.awaited:
            self.awaited.remove(text.id)
            self._come.add(text.id)
        elif text.id in self._come:
            raise ValueError(f"passage {text.id} comes a second time")
        return Text(text.id, self.one_line(text.text), text.extra)

    def collection(self, passages: Iterable[Text], *, unjudged: bool) -> Collection:
        """Put together what has come; unjudged queries are left out unless they are wanted."""
        judged = {qid for qid, _ in self.grades}
        queries = [
            Text(query.id, self.one_line(query.text), query.extra)
            for query in self.queries.values()
            if unjudged or query.id in judged
        ]
        return Collection(
            queries,
            passages,
            [Qrel(qid, pid, grade) for (qid, pid), grade in self.grades.items()],
            {
                "unjudged queries": len(self.queries) - len(queries),
                "repeated judgements": self.repeated,
            },
        )


def text_id(prefix: str, text: str) -> str:
    """Make an id from a text: equal texts have equal ids."""
    return prefix + hashlib.sha256(text.encode("utf-8")).hexdigest()[:_ID_DIGITS]
