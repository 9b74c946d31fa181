"""Does one system differ from another by more than chance? Paired t-tests over queries."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

ALPHA = 0.05
_DIGITS = 12  # averages of equal values may differ beyond

Key = TypeVar("Key")


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
