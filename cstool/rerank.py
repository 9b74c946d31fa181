"""Give the candidates of a run new scores."""

import hashlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice

from cstool.errors import CstoolError
from cstool.records import Example, Hit
from cstool.runs import Run

Scorer = Callable[[Sequence[tuple[str, str]]], Sequence[float]]  # (query, passage) -> logit
_EXAMPLES = 4096
_QUERIES = 64  # scored together, so that pairs of like length can share a batch


def rerank(
    run: Run,
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    score: Scorer,
    *,
    depth: int,
    keep_tail: bool = True,
) -> Iterator[list[Hit]]:
    """Yield the hits of each query, the best `depth` ones with new scores.

    Queries come by id, and candidates are put into an order by hash before they are scored, so that
    no tie, no constant score and no error can inherit the order of the first stage. Hits below
    `depth` keep their old order below the others, or are left out. CstoolError for a missing text
    and for a score that is no number.
    """
    waiting = iter(sorted(run.items()))
    while group := list(islice(waiting, _QUERIES)):
        candidates = [hit for _, hits in group for hit in shuffled(hits[:depth])]
        pairs = [
            (_text(queries, hit.qid, "query"), _text(passages, hit.pid, "passage"))
            for hit in candidates
        ]
        scores = dict(zip(((hit.qid, hit.pid) for hit in candidates), score(pairs), strict=True))
        for qid, hits in group:
            scored = [Hit(qid, hit.pid, scores[qid, hit.pid]) for hit in shuffled(hits[:depth])]
            if bad := [hit for hit in scored if not math.isfinite(hit.score)]:
                raise CstoolError(f"the model scores {qid} with {bad[0].pid} as {bad[0].score}")
            floor = math.floor(min(hit.score for hit in scored))
            tail = hits[depth:] if keep_tail else []
            below = [Hit(qid, hit.pid, float(floor - i)) for i, hit in enumerate(tail, start=1)]
            yield scored + below


def score_examples(examples: Iterable[Example], score: Scorer) -> Iterator[Hit]:
    """Score the pairs of training examples, some thousands at a time; each pair once.

    CstoolError for a score that is no number.
    """
    seen: set[tuple[str, str]] = set()
    waiting = iter(examples)
    while window := list(islice(waiting, _EXAMPLES)):
        new = {(one.qid, one.pid): (one.query, one.passage) for one in window}
        new = {ids: texts for ids, texts in new.items() if ids not in seen}
        seen |= new.keys()
        for (qid, pid), value in zip(new, score(list(new.values())), strict=True):
            if not math.isfinite(value):
                raise CstoolError(f"the model scores {qid} with {pid} as {value}")
            yield Hit(qid, pid, value)


def shuffled(hits: Sequence[Hit]) -> list[Hit]:
    """Put hits into an order that depends on their ids alone."""
    return sorted(hits, key=lambda hit: hashlib.sha256(repr((hit.qid, hit.pid)).encode()).digest())


def _text(texts: Mapping[str, str], name: str, kind: str) -> str:
    if name not in texts:
        raise CstoolError(f"{kind} {name} is in the run but has no text")
    return texts[name]
