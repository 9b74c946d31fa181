"""Give the candidates of a run new scores."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Protocol

from cstool import windows
from cstool.errors import CstoolError
from cstool.records import Example, Hit
from cstool.runs import Run
from cstool.windows import Kept, Scores, Window, cut

Pairs = Sequence[tuple[str, str]]  # query, passage
# Takes the pairs of windows, and gives their scores one after another.
Scorer = Callable[[Iterable[Pairs]], Iterator[Scores]]
_EXAMPLES = 4096


class Texts(Protocol):
    """Where texts are looked up by their ids; several at once, because they may lie on a disk."""

    def texts(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Give those of the texts that there are."""


def rerank(
    run: Run,
    texts: Callable[[Window], Pairs],
    score: Scorer,
    *,
    depth: int,
    keep_tail: bool = True,
    size: int = windows.PAIRS,
    kept: Kept | None = None,
    done: Callable[[Scores], None] = lambda scores: None,
) -> Iterator[list[Hit]]:
    """Yield the hits of each query, the best `depth` ones with new scores.

    Queries come by id, and candidates are put into an order by hash before they are scored, so that
    no tie, no constant score and no error can inherit the order of the first stage. Hits below
    `depth` keep their old order below the others, or are left out. `texts` gives the pairs of a
    window's candidates. With `kept`, windows are kept there as soon as they are scored, and those
    that are there already are not scored again; `done` hears of every window. CstoolError for a
    score that is no number.
    """
    if kept:
        fill(run, texts, score, kept, depth=depth, size=size)
        scored: Iterator[Scores | None] = (kept.get(one.number) for one in cut(run, depth, size))
    else:
        scored = score(texts(one) for one in cut(run, depth, size))
    for window, scores in zip(cut(run, depth, size), scored, strict=True):
        if scores is None:
            raise CstoolError(f"{kept and kept.folder}: window {window.number} is gone")
        _check(window.candidates, scores)
        done(scores)
        yield from _ranked(window, scores, depth, keep_tail)


def fill(
    run: Run,
    texts: Callable[[Window], Pairs],
    score: Scorer,
    kept: Kept,
    *,
    depth: int,
    size: int = windows.PAIRS,
    share: tuple[int, int] = (0, 1),
) -> None:
    """Score the windows that are not kept yet: of share (i, n) every n-th from window i on."""
    first, step = share
    todo = [
        each
        for each in cut(run, depth, size)
        if each.number % step == first and each.number not in kept
    ]
    for window, scores in zip(todo, score(map(texts, todo)), strict=True):
        _check(window.candidates, scores)
        kept.put(window.number, scores)


def pairs_of(queries: Mapping[str, str], passages: Texts) -> Callable[[Window], Pairs]:
    """Look the texts of a window up; CstoolError for one that is missing."""

    def pairs(window: Window) -> Pairs:
        found = passages.texts(hit.pid for hit in window.candidates)
        return [
            (_text(queries, hit.qid, "query"), _text(found, hit.pid, "passage"))
            for hit in window.candidates
        ]

    return pairs


def score_examples(
    examples: Iterable[Example],
    score: Scorer,
    done: Callable[[Scores], None] = lambda scores: None,
) -> Iterator[Hit]:
    """Score the pairs of training examples, some thousands at a time; each pair once.

    CstoolError for a score that is no number, and for a pair that comes again with other texts.
    """
    asked: list[list[Hit]] = []

    def fresh() -> Iterator[Pairs]:
        seen: dict[tuple[str, str], int] = {}
        waiting = iter(examples)
        while window := list(islice(waiting, _EXAMPLES)):
            new: dict[tuple[str, str], tuple[str, str]] = {}
            for one in window:
                ids, texts = (one.qid, one.pid), (one.query, one.passage)
                if ids not in seen:
                    new[ids], seen[ids] = texts, hash(texts)
                elif seen[ids] != hash(texts):
                    raise CstoolError(
                        f"query {one.qid} with passage {one.pid} comes again with other texts: "
                        "a teacher scores the examples before they are switched"
                    )
            asked.append([Hit(*ids, math.nan) for ids in new])
            yield list(new.values())

    for scores in score(fresh()):
        hits = asked.pop(0)
        _check(hits, scores)
        done(scores)
        for hit, value in zip(hits, scores.values, strict=True):
            yield Hit(hit.qid, hit.pid, value)


def _check(candidates: Sequence[Hit], scores: Scores) -> None:
    for hit, value in zip(candidates, scores.values, strict=True):
        if not math.isfinite(value):
            raise CstoolError(f"the model scores {hit.qid} with {hit.pid} as {value}")


def _ranked(window: Window, scores: Scores, depth: int, keep_tail: bool) -> Iterator[list[Hit]]:
    values = iter(zip(window.candidates, scores.values, strict=True))
    for _, hits in window.run:
        chosen = islice(values, min(depth, len(hits)))
        scored = [Hit(hit.qid, hit.pid, value) for hit, value in chosen]
        floor = math.floor(min(hit.score for hit in scored))
        tail = hits[depth:] if keep_tail else []
        below = [Hit(hit.qid, hit.pid, float(floor - i)) for i, hit in enumerate(tail, start=1)]
        yield scored + below


def _text(texts: Mapping[str, str], name: str, kind: str) -> str:
    if name not in texts:
        raise CstoolError(f"{kind} {name} is in the run but has no text")
    return texts[name]
