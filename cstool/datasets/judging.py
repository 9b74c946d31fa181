"""Which passage is relevant to which question of Natural Questions, decided in English.

`gold`: the paragraph that an annotator marked. `answer`: every passage that holds one of the answer
strings, among the passages that come with a question and the hits of a run.
"""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from cstool.datasets.answers import holds, tokens
from cstool.datasets.collection import Collection, OneLine, text_id
from cstool.datasets.nq import Context, Entry, question_key
from cstool.records import Example, Qrel, Text
from cstool.settings import Sampling


@dataclass(frozen=True)
class Taken:
    """A question with its passages: relevant ones, ones that are not, and ones nobody judged."""

    query: Text
    relevant: tuple[Text, ...]
    hard: tuple[Text, ...]
    other: tuple[Text, ...]
    unjudged: tuple[Text, ...]

    @property
    def passages(self) -> tuple[Text, ...]:
        """All of them."""
        return self.relevant + self.hard + self.other + self.unjudged


@dataclass
class Judging:
    """Gathers questions, then passages, as they stream by, and what is relevant to what.

    A question's id is made of its text, so that the same question has the same id in every file. A
    passage without an id is taken for that passage of the collection that has its text, with or
    without the title.
    """

    by_answer: bool
    with_title: bool = True
    one_line: OneLine = field(default_factory=OneLine)
    hits: Mapping[str, list[str]] = field(default_factory=dict)  # passage -> questions
    repeated: int = 0  # questions that came before
    unasked: int = 0  # entries with passages for no question of ours
    _queries: dict[str, Text] = field(default_factory=dict)
    _qids: dict[str, str] = field(default_factory=dict)  # by question_key
    _answers: dict[str, dict[str, None]] = field(default_factory=dict)  # tokens, by question
    _grades: dict[tuple[str, str], None] = field(default_factory=dict)
    _relevant: dict[str, Text] = field(default_factory=dict)
    _come: set[str] = field(default_factory=set)  # of the relevant passages and the hits
    _made: bool = False  # some relevant passages have ids made of their texts
    _found_as: dict[str, str] = field(default_factory=dict)  # an id that was made -> the real one

    def take(self, entry: Entry, *, asked: bool = True) -> Taken | None:
        """Take an entry; None if its question is not `asked` here and in no entry before."""
        key = question_key(entry.question)
        if asked:
            query = self.one_line(entry.question)
            self.repeated += key in self._qids
            qid = self._qids.setdefault(key, text_id("q", query))
            self._queries.setdefault(qid, Text(qid, query))
        elif key not in self._qids:
            self.unasked += 1
            return None
        qid = self._qids[key]
        answers = self._answers.setdefault(qid, {})
        answers.update((tokens(answer), None) for answer in entry.answers)
        return self._judged(qid, entry, answers)

    def asks(self, qid: str) -> bool:
        """Tell whether there is a question with this id."""
        return qid in self._queries

    def passage(self, context: Context) -> Text:
        """Take a passage of the collection; ValueError if one that matters comes twice."""
        text = Text(context.id or "", self._text(context))
        if text.id in self._come:
            raise ValueError(f"passage {text.id} comes a second time")
        if text.id in self.hits or text.id in self._relevant:
            self._come.add(text.id)
        found = tokens(context.text) if text.id in self.hits else ""
        for qid in self.hits.get(text.id, ()):
            if holds(found, self._answers[qid]):
                self._grades[qid, text.id] = None
        self._recognise(context, text)
        return text

    def lacking(self) -> Iterator[Text]:
        """Yield the relevant passages that were not in the collection."""
        for pid, text in self._relevant.items():
            if pid not in self._come:
                yield text

    def unseen_hit(self) -> str | None:
        """Name a hit that was not in the collection, if there is one."""
        return next((pid for pid in self.hits if pid not in self._come), None)

    def collection(
        self, passages: Iterable[Text], *, unjudged: bool, only: Mapping[str, object] | None = None
    ) -> Collection:
        """Put together what has come; `only` keeps these questions, by their ids."""
        grades = dict.fromkeys((qid, self._found_as.get(pid, pid)) for qid, pid in self._grades)
        judged = {qid for qid, _ in grades}
        kept = [q for q in self._queries.values() if only is None or q.id in only]
        queries = [query for query in kept if unjudged or query.id in judged]
        names = {query.id for query in queries}
        qrels = [Qrel(qid, pid, 1) for qid, pid in grades if qid in names]
        left_out = {
            "unjudged questions": len(kept) - len(queries),
            "repeated questions": self.repeated,
            "entries for other questions": self.unasked,
        }
        if only is not None:
            left_out["questions without translations"] = len(self._queries) - len(kept)
        return Collection(queries, passages, qrels, left_out)

    def translations(
        self, rows: Iterable[tuple[str, Mapping[str, str]]]
    ) -> dict[str, Mapping[str, str]]:
        """Give the versions of our questions in other languages, by id; the first row counts."""
        found: dict[str, Mapping[str, str]] = {}
        for question, versions in rows:
            qid = self._qids.get(question_key(question))
            if qid is not None:
                found.setdefault(qid, versions)
        return {qid: found[qid] for qid in self._queries if qid in found}

    def _judged(self, qid: str, entry: Entry, answers: Mapping[str, None]) -> Taken:
        if self.by_answer:
            relevant = [c for c in entry.contexts if holds(tokens(c.text), answers)]
        else:
            relevant = list(entry.gold)
        texts = self._texts(relevant)
        for text in texts.values():
            self._grades[qid, text.id] = None
            self._relevant.setdefault(text.id, text)
        self._made |= any(context.id is None for context in relevant)
        seen = {text.id for text in texts.values()} | {text.text for text in texts.values()}

        def others(contexts: Iterable[Context]) -> tuple[Text, ...]:
            left = self._texts(contexts).values()
            return tuple(t for t in left if t.id not in seen and t.text not in seen)

        matched = others(entry.gold + entry.matched)  # by answer: what holds none after all
        unjudged, hard = ((), matched) if self.by_answer else (matched, ())
        return Taken(
            self._queries[qid],
            tuple(texts.values()),
            hard + others(entry.hard),
            others(entry.other),
            unjudged,
        )

    def _recognise(self, context: Context, text: Text) -> None:
        """Let a relevant passage without an id be the one of the collection with its text."""
        if not self._made:
            return
        for known in (text.text, OneLine()(context.text)):
            made = text_id("p", known)
            if made != text.id and made in self._relevant and made not in self._come:
                self._come |= {made, text.id}
                self._found_as[made] = text.id

    def _texts(self, contexts: Iterable[Context]) -> dict[str, Text]:
        texts: dict[str, Text] = {}
        for context in contexts:
            text = self._text(context)
            texts.setdefault(pid := context.id or text_id("p", text), Text(pid, text))
        return texts

    def _text(self, context: Context) -> str:
        titled = self.with_title and context.title
        return self.one_line(f"{context.title} {context.text}" if titled else context.text)


def examples(taken: Taken, sampling: Sampling) -> Iterator[Example]:
    """Yield each relevant passage (label 1), then negatives (label 0), hard ones first.

    What is drawn depends on the seed and the ids. Where there are too few of one kind, the other
    fills up; a question without a relevant or without another passage gives nothing.
    """
    query = taken.query
    if not taken.hard and not taken.other:
        return
    for positive in taken.relevant:
        rng = random.Random(f"{sampling.seed}/{query.id}/{positive.id}")
        hard, other = (rng.sample(pool, len(pool)) for pool in (taken.hard, taken.other))
        drawn = (hard[: sampling.hard] + other + hard[sampling.hard :])[: sampling.negatives]
        yield Example(query.id, query.text, positive.id, positive.text, 1)
        for negative in drawn:
            yield Example(query.id, query.text, negative.id, negative.text, 0)
