"""SQuAD's JSON: articles with paragraphs, paragraphs with questions.

SQuAD 1.1 and 2.0, XQuAD, and XQuAD-R (LAReQA, arXiv 2004.05484), which adds sentence breaks.
"""

import reprlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson

from cstool import formats
from cstool.datasets.collection import Collection, OneLine
from cstool.records import Qrel, Text

_KINDS = {list: "a list", str: "a string", int: "a whole number"}


def collect(document: str, one_line: OneLine, *, sentences: bool = False) -> Collection:
    """Turn a JSON document into queries, passages and judgements.

    Paragraphs are numbered p000, p001, ... over the whole document, so that translations of it get
    the same ids, and sentences p000_s00, p000_s01, ... within them. The relevant passage is the
    question's paragraph, or each sentence in which one of its answers starts. Questions that have
    no answer (SQuAD 2.0) are left out and counted. ValueError names the wrong place.
    """
    root = _Node(_json(document), "")
    queries: dict[str, Text] = {}
    passages: list[Text] = []
    qrels: list[Qrel] = []
    unanswerable = 0
    paragraphs = chain.from_iterable(article.nodes("paragraphs") for article in root.nodes("data"))
    for number, paragraph in enumerate(paragraphs):
        pid, context = f"p{number:03d}", paragraph.get("context", str)
        breaks = list(_breaks(paragraph, len(context))) if sentences else []
        names = [f"{pid}_s{i:02d}" for i in range(len(breaks))]
        if sentences:
            passages += [
                Text(name, one_line(context[start:end]))
                for name, (start, end) in zip(names, breaks, strict=True)
            ]
        else:
            passages.append(Text(pid, one_line(context)))
        for question in paragraph.nodes("qas"):
            qid = _id(question)
            text = question.get("question", str)
            if _unanswerable(question):
                unanswerable += 1
                continue
            if qid in queries:
                raise ValueError(f"{question.place}.id is {qid}, which is another question's id")
            queries[qid] = Text(qid, one_line(text))
            relevant = [names[i] for i in _holding(question, breaks)] if sentences else [pid]
            qrels += [Qrel(qid, name, 1) for name in relevant]
    left_out = {"unanswerable questions": unanswerable}
    return Collection(list(queries.values()), passages, qrels, left_out)


@dataclass(frozen=True)
class _Node:
    """An object within the document, and where it stands, for messages."""

    value: Any
    place: str

    def get(self, key: str, *kinds: type) -> Any:
        if not isinstance(self.value, dict):
            raise ValueError(f"{self.place or 'the document'} is no object")
        if key not in self.value:
            raise ValueError(f"{self.place or 'the document'} has no {key}")
        value = self.value[key]
        if type(value) not in kinds:
            shown = reprlib.repr(value)
            raise ValueError(f"{self._at(key)} is {shown}, expected {_KINDS[kinds[0]]}")
        return value

    def nodes(self, key: str) -> Iterator["_Node"]:
        for i, value in enumerate(self.get(key, list)):
            yield _Node(value, f"{self._at(key)}[{i}]")

    def _at(self, key: str) -> str:
        return f"{self.place}.{key}" if self.place else key


def _json(document: str) -> object:
    try:
        return orjson.loads(document)
    except orjson.JSONDecodeError as problem:
        raise ValueError(f"no JSON: {problem}") from None


def _id(question: _Node) -> str:
    qid = str(question.get("id", str, int))  # GermanQuAD and others number their questions
    try:
        return formats.check_id(qid)
    except ValueError as problem:
        raise ValueError(f"{question.place}: {problem}") from None


def _unanswerable(question: _Node) -> bool:
    value = question.value
    return value.get("is_impossible") is True or value.get("answers") == []


def _breaks(paragraph: _Node, length: int) -> Iterator[tuple[int, int]]:
    done = 0
    if "sentence_breaks" not in paragraph.value:
        raise ValueError(f"{paragraph.place} has no sentence_breaks; only XQuAD-R has them")
    for i, pair in enumerate(paragraph.get("sentence_breaks", list)):
        match pair:
            case [int(start), int(end)] if done <= start < end <= length:
                done = end
                yield start, end
            case _:
                raise ValueError(
                    f"{paragraph.place}.sentence_breaks[{i}] is {reprlib.repr(pair)}, expected "
                    f"[start, end] between {done} and {length}"
                )


def _holding(question: _Node, breaks: list[tuple[int, int]]) -> list[int]:
    found: set[int] = set()
    for answer in question.nodes("answers"):
        position = answer.get("answer_start", int)
        holding = [i for i, (start, end) in enumerate(breaks) if start <= position < end]
        if not holding:
            raise ValueError(f"{answer.place}.answer_start is {position}, which is in no sentence")
        found.update(holding)
    return sorted(found)
