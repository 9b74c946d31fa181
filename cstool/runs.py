"""A run in memory: the hits of each query in order, and the lines they are written as."""

from collections.abc import Iterable, Iterator

from cstool import formats
from cstool.errors import CstoolError
from cstool.records import Hit

Run = dict[str, list[Hit]]  # qid -> hits, best first; queries in the order of their first hit


def order(hits: Iterable[Hit]) -> list[Hit]:
    """Sort the hits of one query: score descending, then pid ascending."""
    return sorted(hits, key=lambda hit: (-hit.score, hit.pid))


def by_query(hits: Iterable[Hit]) -> Run:
    """Group the hits by query and put them in order; CstoolError for a passage listed twice."""
    run: Run = {}
    for hit in hits:
        run.setdefault(hit.qid, []).append(hit)
    for qid, found in run.items():
        if len({hit.pid for hit in found}) < len(found):
            pids = [hit.pid for hit in found]
            twice = next(pid for pid in pids if pids.count(pid) > 1)
            raise CstoolError(f"query {qid}: passage {twice} is listed more than once")
        run[qid] = order(found)
    return run


def lines(run: Iterable[list[Hit]], tag: str) -> Iterator[str]:
    """Write the lines of a TREC run, query by query, ranks from 1.

    Scores are rounded to the nine digits that are written before the order is made, so that
    whoever sorts the file by score and pid finds the ranks in it.
    """
    for hits in run:
        rounded = [Hit(hit.qid, hit.pid, float(f"{hit.score:.9g}")) for hit in hits]
        for rank, hit in enumerate(order(rounded), start=1):
            yield formats.format_hit(hit, rank, tag)
