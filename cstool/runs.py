"""A run in memory: the hits of each query in order, and the lines they are written as."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from ctypes import c_float

from cstool import formats
from cstool.errors import CstoolError
from cstool.records import Hit

Run = dict[str, list[Hit]]  # qid -> hits, best first; queries in the order of their first hit


def order(hits: Iterable[Hit]) -> list[Hit]:
    """Sort the hits of one query: score descending, then pid ascending."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.pid))


def order_trec_eval(hits: Iterable[Hit]) -> list[Hit]:
    """Sort the hits of one query as trec_eval does: score as float32 descending, pid descending."""
    by_pid = sorted(hits, key=lambda hit: hit.pid, reverse=True)
    return sorted(by_pid, key=lambda hit: -c_float(hit.score).value)


def by_query(hits: Iterable[Hit], *, repeated: Counter[str] | None = None) -> Run:
    """Group the hits by query and put them in order.

    A passage listed twice for a query is a CstoolError, or, given `repeated`, counted there by qid
    and kept once, where it stands best.
    """
    run: Run = {}
    for hit in hits:
        run.setdefault(hit.qid, []).append(hit)
    for qid, found in run.items():
        best: dict[str, Hit] = {}
        for hit in order(found):
            if hit.pid not in best:
                best[hit.pid] = hit
            elif repeated is None:
                raise CstoolError(f"query {qid}: passage {hit.pid} is listed more than once")
            else:
                repeated[qid] += 1
        run[qid] = list(best.values())
    return run


def lines(run: Iterable[list[Hit]], tag: str) -> Iterator[str]:
    """Write the lines of a TREC run, query by query, ranks from 1.

    Scores are rounded to the nine digits that are written before the order is made, so that
    whoever sorts the file by score and pid finds the ranks in it. CstoolError for a score that is
    not finite: it has no rank.
    """
    for hits in run:
        for hit in hits:
            if not math.isfinite(hit.score):
                raise CstoolError(f"query {hit.qid}: passage {hit.pid} has the score {hit.score}")
        rounded = [Hit(hit.qid, hit.pid, float(f"{hit.score:.9g}")) for hit in hits]
        for rank, hit in enumerate(order(rounded), start=1):
            yield formats.format_hit(hit, rank, tag)
