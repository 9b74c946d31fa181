import numpy as np
import pytest
from scipy.stats import ttest_1samp

from cstool.power import detectable, effect


@pytest.mark.parametrize(("size", "queries"), [(0.8, 15), (0.5, 34), (0.2, 199)])
def test_sample_sizes_of_the_textbook(size, queries):
    """What G*Power gives for a paired t-test, two-sided, alpha .05, power .80."""
    assert effect(queries, 0.05) <= size < effect(queries - 1, 0.05)


def test_the_difference_is_found_four_times_in_five():
    rng = np.random.default_rng(1)
    drawn = rng.normal(effect(50, 0.01), 1.0, size=(20_000, 50))
    assert np.mean(ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.01) == pytest.approx(0.8, abs=0.01)


def test_difference_by_hand():
    # Differences .2, .4, .6 have the standard deviation .2.
    assert detectable([0.5, 0.9, 0.7], [0.3, 0.5, 0.1], 1.5) == pytest.approx(0.3)
    assert detectable([0.5], [0.3], effect(1, 0.05)) is None
    assert detectable([0.1 + 0.2, 0.5], [0.3, 0.5], 1.5) is None  # equal systems


def test_few_queries_need_large_effects_and_the_search_ends():
    found = [effect(queries, 0.05 / 60) for queries in (2, 3, 5, 10, 100, 10_000)]
    known = [value for value in found if value is not None]
    assert len(known) >= 4 and known == sorted(known, reverse=True)
