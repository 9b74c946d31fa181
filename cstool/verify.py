"""Measures computed once more, by ranx: for numbers that are to be published."""

import warnings
from collections.abc import Iterable, Sequence

from cstool import measures
from cstool.errors import CstoolError
from cstool.measures import Grades, Measure, Ranking

_TOLERANCE = 1e-9
# ranx weighs rbp by grade, and has no bpref where nothing is judged as not relevant.
_DIFFERENT = ("bpref", "rbp")
_UNJUDGED = -1


def values(
    asked: Iterable[Measure], grades: Sequence[Grades], rankings: Sequence[Ranking]
) -> dict[Measure, list[float]]:
    """Compute measures as `measures.values` does; CstoolError where ranx has another value.

    Measures that ranx defines otherwise are refused, not passed over.
    """
    found = measures.values(asked, grades, rankings)
    if different := [measure for measure in found if measure.name in _DIFFERENT]:
        raise CstoolError(f"ranx defines {different[0].name} otherwise: it cannot verify it")
    from numba.core.errors import NumbaTypeSafetyWarning
    from numba.typed import List
    from ranx.metrics import metric_switch

    judged = List([_typed(range(len(own)), own) for own in grades])
    ranked = List([_ranked(*pair) for pair in zip(grades, rankings, strict=True)])
    with warnings.catch_warnings():
        # ranx counts its loops with unsigned numbers; numba says so whenever it compiles one.
        warnings.simplefilter("ignore", NumbaTypeSafetyWarning)
        for measure, ours in found.items():
            theirs = metric_switch(measure.name)(
                judged, ranked, measure.cutoff or 0, measure.level
            ).tolist()
            for number, (one, other) in enumerate(zip(ours, theirs, strict=True), start=1):
                if abs(one - other) > _TOLERANCE:
                    raise CstoolError(
                        f"{measure} of query {number} is {one}, ranx has {other}: a bug, report it"
                    )
    return found


def _ranked(grades: Grades, ranking: Ranking) -> object:
    """Name the hits of a query: by the place of a judgement of their grade, or as unjudged."""
    free: dict[int, list[int]] = {}
    for place in reversed(range(len(grades))):
        free.setdefault(grades[place], []).append(place)
    names = [_UNJUDGED] * ranking.hits
    for rank, grade in zip(ranking.ranks, ranking.grades, strict=True):
        names[rank - 1] = free[grade].pop()
    return _typed(names, range(ranking.hits, 0, -1))


def _typed(names: Sequence[int], scores: Sequence[int]) -> object:
    import numpy as np

    return np.array([names, scores], dtype=np.float64).T.copy()
