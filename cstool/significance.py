"""Does one system differ from another by more than chance, and by how much?

Paired tests, their correction, and bootstrap intervals; the query is the unit of all of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALPHA = 0.05
CONFIDENCE = f"{100 * (1 - ALPHA):g} %"  # of an interval
RESAMPLES = 10_000
FLIPS = 100_000
SEED = 1
_AT_ONCE = 1_000_000  # queries drawn, so that memory does not grow with the number of resamples
_EXACT = 14  # of so many differences all signs are tried
_DIGITS = 12  # averages of equal values may differ beyond

Key = TypeVar("Key")


@dataclass(frozen=True)
class Interval:
    """Where a mean, or the difference of two, lies in a share of CONFIDENCE of the resamples."""

    low: float
    high: float


def t_test(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Test, two-sided and paired by query, whether the means differ (Student's t).

    Equal values have p = 1, and so has a single query, which tells nothing about the spread; a
    difference that is the same for all queries has p = 0, the limit of the test.
    """
    from scipy.stats import ttest_rel

    differences = set(_differences(ours, theirs))
    if differences <= {0.0} or len(ours) < 2:
        return 1.0
    if len(differences) == 1:
        return 0.0
    return float(ttest_rel(ours, theirs).pvalue)


def randomisation(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Test, two-sided and paired by query, whether it matters which system had which value.

    Under the null hypothesis the sign of every query's difference is a coin's (Fisher 1935; for
    retrieval Smucker, Allan and Carterette, CIKM 2007): p is the share of the 2^n choices of signs
    whose mean difference is as large as ours. All are tried where at most 14 queries differ, else
    FLIPS are drawn, and p = (as large + 1) / (FLIPS + 1) (Phipson and Smyth 2010).
    """
    import numpy as np

    differences = np.array([value for value in _differences(ours, theirs) if value])
    if not differences.size:
        return 1.0
    least = abs(differences.sum()) - 1e-9 * abs(differences).sum()  # sums are rounded
    if differences.size <= _EXACT:
        sums = np.zeros(1)
        for value in differences:
            sums = np.concatenate([sums + value, sums - value])
        return float(np.mean(abs(sums) >= least))
    rng = np.random.default_rng(SEED)
    step = max(1, 8 * _AT_ONCE // differences.size)
    as_large = 0
    for start in range(0, FLIPS, step):
        size = min(step, FLIPS - start)
        drawn = np.frombuffer(rng.bytes((size * differences.size + 7) // 8), dtype=np.uint8)
        flipped = np.unpackbits(drawn, count=size * differences.size).reshape(size, -1)
        # Signs are 1 - 2 * flipped.
        sums = differences.sum() - 2 * (flipped.astype(np.float32) @ differences.astype(np.float32))
        as_large += int(np.count_nonzero(abs(sums) >= least))
    return (as_large + 1) / (FLIPS + 1)


TESTS: Mapping[str, Callable[[Sequence[float], Sequence[float]], float]] = {
    "t": t_test,
    "randomisation": randomisation,
}


def not_worse(ours: Sequence[float], theirs: Sequence[float], margin: float) -> float:
    """Test, one-sided and paired, whether our mean is more than theirs less a margin.

    The null hypothesis is that we are worse by the margin or more; p < ALPHA is the same as a
    1 - 2 ALPHA interval of the difference that ends above -margin (Westlake 1981).
    """
    from scipy.stats import ttest_1samp

    shifted = [round(value + margin, _DIGITS) for value in _differences(ours, theirs)]
    if len(shifted) < 2:
        return 1.0
    if len(set(shifted)) == 1:
        return 0.0 if shifted[0] > 0 else 1.0
    return float(ttest_1samp(shifted, 0.0, alternative="greater").pvalue)


def equivalent(ours: Sequence[float], theirs: Sequence[float], margin: float) -> float:
    """Test whether the means are less than a margin apart: two one-sided tests (TOST).

    The p is the larger of both (Schuirmann, J. Pharmacokinetics Biopharmaceutics 15, 1987).
    """
    return max(not_worse(ours, theirs, margin), not_worse(theirs, ours, margin))


def bonferroni(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Correct for the number of tests: every p times that number, at most 1 (Dunn 1961)."""
    return {key: min(1.0, p * len(p_values)) for key, p in p_values.items()}


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Correct step by step: the i-th smallest of m times m - i + 1, never below those before it.

    It controls the family-wise error as Bonferroni's does, and rejects no less (Holm 1979).
    """
    corrected: dict[Key, float] = {}
    worst = 0.0
    for before, (key, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        worst = max(worst, min(1.0, p * (len(p_values) - before)))
        corrected[key] = worst
    return {key: corrected[key] for key in p_values}


CORRECTIONS = ("bonferroni", "holm")


def correct(name: str, p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Correct the p of a family of tests by the method of this name."""
    return holm(p_values) if name == "holm" else bonferroni(p_values)


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


def _differences(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Subtract query by query; what is equal but for rounding is equal."""
    return [round(a - b, _DIGITS) for a, b in zip(ours, theirs, strict=True)]
