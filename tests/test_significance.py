from math import sqrt

import pytest
from scipy.stats import ttest_rel

from cstool.significance import bonferroni, p_value


def test_t_test_by_hand():
    # Differences .2, .4, .6: mean .4, deviation .2, t = .4 / (.2 / sqrt 3) = 2 sqrt 3. With two
    # degrees of freedom the distribution has a closed form: p = 1 - t / sqrt(t^2 + 2).
    t = 2 * sqrt(3)
    assert p_value([0.5, 0.9, 0.7], [0.3, 0.5, 0.1]) == pytest.approx(1 - t / sqrt(t * t + 2))


def test_t_test_is_that_of_scipy_and_two_sided():
    ours, theirs = [0.1, 0.5, 0.3, 1.0, 0.0], [0.2, 0.25, 0.3, 0.5, 0.1]
    assert p_value(ours, theirs) == p_value(theirs, ours) == ttest_rel(ours, theirs).pvalue


@pytest.mark.parametrize(
    ("ours", "theirs", "p"),
    [
        ([0.5, 1.0, 0.0], [0.5, 1.0, 0.0], 1.0),
        ([0.1 + 0.2, 0.5], [0.3, 0.5], 1.0),  # the same but for rounding
        ([0.5], [1.0], 1.0),  # a single query
        ([0.6, 0.7, 0.8], [0.5, 0.6, 0.7], 0.0),  # always the same difference
    ],
)
def test_no_spread_is_no_error_and_no_warning(ours, theirs, p):
    assert p_value(ours, theirs) == p


def test_bonferroni_multiplies_by_the_number_of_tests():
    assert bonferroni({"a": 0.01, "b": 0.02, "c": 0.5}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 1.0}
    )
    assert bonferroni({}) == {}
