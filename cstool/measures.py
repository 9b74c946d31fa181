"""Ranking measures: their names, and their values through ranx, which only this module imports.

A measure depends on the grades of the judged passages and on where they stand in a ranking. So
`grades` holds the grades of one query's judged passages, best first, and a ranking holds, for each
hit, the position of its judgement in `grades`, or UNJUDGED. With numbers for ids nothing is hashed,
and nothing is sorted behind our back.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

NAMES = (
    "mrr", "map", "ndcg", "ndcg_burges", "recall", "precision", "hit_rate", "f1", "r-precision",
)  # fmt: skip
UNJUDGED = -1
_PATTERN = re.compile(
    rf"(?P<name>{'|'.join(NAMES)})(?:@(?P<cutoff>[1-9]\d{{0,5}}))?(?:-l(?P<level>[1-9]\d{{0,5}}))?"
)

Grades = Sequence[int]
Ranking = Sequence[int]


@dataclass(frozen=True)
class Measure:
    """A measure such as mrr@10, or map-l2, for which grades from 2 on are relevant.

    Without `cutoff` the whole ranking counts. nDCG has linear gains (Järvelin and Kekäläinen 2002),
    ndcg_burges has 2**grade - 1 (Burges et al. 2005).
    """

    name: str
    cutoff: int | None = None
    level: int = 1

    def __str__(self) -> str:
        cutoff = f"@{self.cutoff}" if self.cutoff else ""
        return f"{self.name}{cutoff}" + (f"-l{self.level}" if self.level > 1 else "")


def parse(text: str) -> Measure:
    """Read the name of a measure; ValueError for one that there is not."""
    match = _PATTERN.fullmatch(text)
    if not match or (match["cutoff"] and match["name"] == "r-precision"):
        raise ValueError(
            f"no measure {text!r}; there are {', '.join(NAMES)}, all but r-precision also with a "
            "cutoff as in mrr@10, and with the least relevant grade as in map-l2"
        )
    cutoff = int(match["cutoff"]) if match["cutoff"] else None
    return Measure(match["name"], cutoff, int(match["level"] or 1))


def values(
    measures: Iterable[Measure], grades: Sequence[Grades], rankings: Sequence[Ranking]
) -> dict[Measure, list[float]]:
    """Compute measures for rankings: one value per query, in the order of `grades`."""
    from numba.core.errors import NumbaTypeSafetyWarning
    from ranx.metrics import metric_switch

    judged = _typed((range(len(found)), found) for found in grades)
    ranked = _typed((found, range(len(found), 0, -1)) for found in rankings)
    with warnings.catch_warnings():
        # ranx counts its loops with unsigned numbers; numba says so whenever it compiles one.
        warnings.simplefilter("ignore", NumbaTypeSafetyWarning)
        return {
            measure: metric_switch(measure.name)(
                judged, ranked, measure.cutoff or 0, measure.level
            ).tolist()
            for measure in measures
        }


def _typed(columns: Iterable[tuple[Sequence[int], Sequence[int]]]) -> object:
    """Give ranx what it computes on: a list of (id, score) arrays, one per query."""
    import numpy as np
    from numba.typed import List

    return List([np.array(pair, dtype=np.float64).T.copy() for pair in columns])
