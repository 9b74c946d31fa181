"""Does one system differ from another by more than chance, and by how much?

Paired t-tests and bootstrap intervals; the query is the unit of both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALPHA = 0.05
CONFIDENCE = f"{100 * (1 - ALPHA):g} %"  # of an interval
RESAMPLES = 10_000
SEED = 1
_AT_ONCE = 1_000_000  # queries drawn, so that memory does not grow with the number of resamples
_DIGITS = 12  # averages of equal values may differ beyond

Key = TypeVar("Key")


@dataclass(frozen=True)
class Interval:
    """Where a mean, or the difference of two, lies in a share of CONFIDENCE of the resamples."""

    low: float
    high: float


def p_value(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Test, two-sided and paired by query, whether the means differ (Student's t).

    Equal values have p = 1, and so has a single query, which tells nothing about the spread; a
    difference that is the same for all queries has p = 0, the limit of the test.
    """
    from scipy.stats import ttest_rel

    differences = {round(a - b, _DIGITS) for a, b in zip(ours, theirs, strict=True)}
    if differences <= {0.0} or len(ours) < 2:
        return 1.0
    if len(differences) == 1:
        return 0.0
    return float(ttest_rel(ours, theirs).pvalue)


def bonferroni(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Correct for the number of tests: every p times that number, at most 1 (Dunn 1961)."""
    return {key: min(1.0, p * len(p_values)) for key, p in p_values.items()}


def resampled_means(values: Sequence[Sequence[float]]) -> "NDArray[np.float64]":
    """Average over queries that are drawn with replacement: (len(values), RESAMPLES) means.

    A row of `values` has a value for every query. Each resample draws the same queries for all
    rows, so that the difference of two rows of means is paired by query. The bootstrap is Efron's
    ("Bootstrap Methods: Another Look at the Jackknife", 1979); drawing queries for pairs of systems
    is Sakai's ("Evaluating Evaluation Metrics based on the Bootstrap", SIGIR 2006).
    """
    import numpy as np

    rows = np.array(values)
    queries = rows.shape[1]
    means = np.empty((len(rows), RESAMPLES))
    rng = np.random.default_rng(SEED)
    step = max(1, _AT_ONCE // queries)
    for start in range(0, RESAMPLES, step):
        size = min(step, RESAMPLES - start)
        drawn = rng.integers(queries, size=(size, queries))
        drawn += queries * np.arange(size)[:, None]  # to count all resamples in one go
        counts = np.bincount(drawn.ravel(), minlength=drawn.size).reshape(drawn.shape)
        means[:, start : start + size] = rows @ counts.T / queries
    return means


def interval(means: "NDArray[np.float64]") -> Interval:
    """Take the resampled means that ALPHA / 2 of them reach from either end (percentile method)."""
    import numpy as np

    ordered = np.sort(means)
    nth = round(ALPHA / 2 * len(means))
    # The last digits depend on the order of a sum, which depends on the machine.
    low, high = (round(float(end), _DIGITS) for end in (ordered[nth - 1], ordered[-nth]))
    return Interval(low, high)
