"""Question-passage pairs, the commonest form of training data, numbered by their texts."""

from collections.abc import Iterable

from cstool.datasets.collection import Collection, OneLine, text_id
from cstool.records import Pair, Qrel, Text


def collect(pairs: Iterable[Pair], one_line: OneLine) -> Collection:
    """Give every text an id made from it; equal texts, and equal pairs, are kept once."""
    queries: dict[str, Text] = {}
    passages: dict[str, Text] = {}
    relevant: dict[tuple[str, str], Qrel] = {}
    repeated = 0
    for pair in pairs:
        query, passage = one_line(pair.query), one_line(pair.passage)
        qid, pid = text_id("q", query), text_id("p", passage)
        queries.setdefault(qid, Text(qid, query))
        passages.setdefault(pid, Text(pid, passage))
        repeated += (qid, pid) in relevant
        relevant.setdefault((qid, pid), Qrel(qid, pid, 1))
    return Collection(
        list(queries.values()),
        list(passages.values()),
        list(relevant.values()),
        {"repeated pairs": repeated},
    )
