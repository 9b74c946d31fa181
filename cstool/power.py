"""What a set of queries could have shown: the smallest difference that a test would detect."""

import math
from collections.abc import Sequence

POWER = 0.8
_NOTHING = 1e-20


def effect(queries: int, alpha: float) -> float | None:
    """Give the smallest mean difference, in standard deviations, that a t-test finds mostly.

    That is, the d for which a two-sided paired t-test at level `alpha` has the power POWER: under
    it, t is noncentral with `queries` - 1 degrees of freedom and the noncentrality d sqrt(queries)
    (Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed. 1988, chapter 2). None
    for fewer than two queries.
    """
    from scipy.optimize import brentq
    from scipy.stats import nct, t

    freedom = queries - 1
    if freedom < 1:
        return None
    critical = float(t.isf(alpha / 2, freedom))

    def lacking(shift: float) -> float:
        return float(nct.sf(critical, freedom, shift)) - POWER  # the other tail adds nothing here

    highest = 2 * critical + 10
    if not lacking(highest) > 0:  # scipy's tail fails far out, at a handful of queries
        return None
    return float(brentq(lacking, 0.0, highest)) / math.sqrt(queries)


def detectable(
    ours: Sequence[float], theirs: Sequence[float], smallest: float | None
) -> float | None:
    """Turn an effect size into a difference of means, by the spread of the queries' differences."""
    if smallest is None:
        return None
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    mean = sum(differences) / len(differences)
    spread = sum((value - mean) ** 2 for value in differences) / (len(differences) - 1)
    # What is the same for all queries has no spread that anything could hide in.
    return smallest * math.sqrt(spread) if spread > _NOTHING else None
