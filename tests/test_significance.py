import random
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, ttest_rel

from cstool.significance import RESAMPLES, bonferroni, interval, p_value, resampled_means

VALUES = st.integers(2, 30).flatmap(
    lambda queries: st.lists(st.floats(0, 1), min_size=queries, max_size=queries)
)
RANKS = random.Random(1)
OURS, THEIRS = ([1 / RANKS.randint(1, worst) for _ in range(50)] for worst in (4, 6))


def ends(values):
    found = interval(resampled_means([values])[0])
    return found.low, found.high


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


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        # How often a 1 is drawn is binomial. Of 2 queries: 0 or 2 in 1/4 of the resamples each.
        ([0.0, 1.0], (0.0, 1.0)),
        # 4 queries, chance 1/4: P(0) = .316, P(2 or less) = .949, P(3 or less) = .996.
        ([0.0, 0.0, 0.0, 1.0], (0.0, 0.75)),
        # 10 queries, chance 1/2: P(1 or less) = .011, P(2 or less) = .055, and symmetrically.
        ([0.0, 1.0] * 5, (0.2, 0.8)),
    ],
)
def test_interval_by_hand(values, expected):
    assert ends(values) == expected


def test_intervals_are_those_of_scipy():
    means = resampled_means([OURS, THEIRS])
    theirs = bootstrap(
        (np.array(OURS), np.array(THEIRS)),
        lambda a, b, axis: np.mean(a, axis) - np.mean(b, axis),
        paired=True,
        method="percentile",
        rng=np.random.default_rng(7),
    )
    alone = bootstrap((np.array(OURS),), np.mean, method="percentile", rng=np.random.default_rng(7))
    for found, expected in ((means[0] - means[1], theirs), (means[0], alone)):
        # An end that 2.5 % of 10,000 draws reach has itself an error of .03 standard errors.
        assert [interval(found).low, interval(found).high] == pytest.approx(
            list(expected.confidence_interval), abs=0.15 * expected.standard_error
        )


def test_equal_systems_differ_by_nothing():
    means = resampled_means([OURS, THEIRS, list(OURS)])
    same = interval(means[0] - means[2])
    assert (same.low, same.high) == (0.0, 0.0)


def test_resamples_do_not_depend_on_what_else_is_resampled():
    [alone] = resampled_means([THEIRS])
    assert resampled_means([OURS, THEIRS, OURS])[1] == pytest.approx(alone, abs=1e-12)


def test_resamples_are_the_same_every_time_and_as_many_as_said():
    values = [[0.0, 1.0] * 500]  # ten times what is drawn at once
    means = resampled_means(values)
    assert means.shape == (1, RESAMPLES)
    assert np.array_equal(means, resampled_means(values))
    assert len(set(means[0, ::1000])) > 1  # another draw in every part
    assert means.mean() == pytest.approx(0.5, abs=0.001)
    assert means.std() == pytest.approx(0.5 / sqrt(1000), rel=0.05)


@settings(max_examples=30)
@given(VALUES)
def test_an_interval_lies_within_the_values(values):
    low, high = ends(values)
    assert min(values) - 1e-12 <= low <= high <= max(values) + 1e-12


@settings(max_examples=30)
@given(VALUES, st.floats(0, 10), st.floats(-1, 1))
def test_an_interval_moves_and_widens_with_the_values(values, factor, shift):
    low, high = ends(values)
    moved = ends([factor * value + shift for value in values])
    assert moved == pytest.approx((factor * low + shift, factor * high + shift), abs=1e-9)


@settings(max_examples=30)
@given(VALUES)
def test_the_difference_the_other_way_round_is_the_mirror_image(values):
    low, high = ends(values)
    assert ends([-value for value in values]) == pytest.approx((-high, -low), abs=1e-12)


@settings(max_examples=30)
@given(st.floats(0, 1), st.integers(1, 30))
def test_no_spread_no_width(value, queries):
    assert ends([value] * queries) == pytest.approx((value, value), abs=1e-12)
