import random
from math import sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, permutation_test, ttest_rel

from cstool.significance import (
    FLIPS,
    RESAMPLES,
    bonferroni,
    equivalent,
    holm,
    interval,
    not_worse,
    randomisation,
    resampled_means,
    t_test,
)

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
    assert t_test([0.5, 0.9, 0.7], [0.3, 0.5, 0.1]) == pytest.approx(1 - t / sqrt(t * t + 2))


def test_t_test_is_that_of_scipy_and_two_sided():
    ours, theirs = [0.1, 0.5, 0.3, 1.0, 0.0], [0.2, 0.25, 0.3, 0.5, 0.1]
    assert t_test(ours, theirs) == t_test(theirs, ours) == ttest_rel(ours, theirs).pvalue


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
    assert t_test(ours, theirs) == p


def test_bonferroni_multiplies_by_the_number_of_tests():
    assert bonferroni({"a": 0.01, "b": 0.02, "c": 0.5}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 1.0}
    )
    assert bonferroni({}) == {}


def test_holm_by_hand():
    # 4 p1, 3 p2, 2 p3, 1 p4 from the smallest on; .06 holds up the .05 of the last.
    p_values = {"d": 0.05, "a": 0.01, "c": 0.03, "b": 0.015}
    assert holm(p_values) == pytest.approx({"d": 0.06, "a": 0.04, "c": 0.06, "b": 0.045})
    assert list(holm(p_values)) == list(p_values)
    assert holm({}) == {}


@given(st.dictionaries(st.integers(), st.floats(0, 1)))
def test_holm_rejects_no_less_than_bonferroni(p_values):
    stepwise, plain = holm(p_values), bonferroni(p_values)
    assert all(p_values[key] <= stepwise[key] <= plain[key] for key in p_values)


def test_randomisation_by_hand():
    # Differences 1, 2 and 3: of eight choices of signs only +++ and --- reach 6.
    assert randomisation([1, 2, 3], [0, 0, 0]) == 2 / 8
    # A query without a difference changes nothing; 1, 1 and -1 reach 1 in all but none.
    assert randomisation([1, 1, 0, 5], [0, 0, 1, 5]) == 1.0
    assert randomisation([0.1 + 0.2], [0.3]) == 1.0


def test_randomisation_is_that_of_scipy():
    differences = np.array(OURS) - np.array(THEIRS)
    theirs = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=FLIPS,
        rng=np.random.default_rng(5),
    ).pvalue
    found = randomisation(OURS, THEIRS)
    error = sqrt(found * (1 - found) / FLIPS)
    assert found == pytest.approx(theirs, abs=6 * error)
    assert found == randomisation(OURS, THEIRS) == randomisation(THEIRS, OURS)
    assert 0.001 < found < 0.05


def test_a_drawn_p_is_never_zero():
    assert randomisation([1.0] * 30, [0.0] * 30) == pytest.approx(1 / (FLIPS + 1))


def test_not_worse_by_hand():
    # Differences -.1, 0, .1 and margin .2: t = .2 / (.1 / sqrt 3) = 2 sqrt 3; see above for p.
    t = 2 * sqrt(3)
    one_sided = (1 - t / sqrt(t * t + 2)) / 2
    ours, theirs = [0.4, 0.5, 0.6], [0.5, 0.5, 0.5]
    assert not_worse(ours, theirs, 0.2) == pytest.approx(one_sided)
    assert equivalent(ours, theirs, 0.2) == pytest.approx(one_sided)  # the mean difference is 0
    assert not_worse([0.5, 0.6], [0.4, 0.5], 0.0) == 0.0
    assert not_worse([0.4, 0.5], [0.5, 0.6], 0.1) == 1.0
    assert not_worse([1.0], [0.0], 0.1) == 1.0


@given(VALUES, st.floats(0.01, 0.5))
@settings(max_examples=30)
def test_equivalence_is_a_ninety_percent_interval_within_the_margin(values, margin):
    other = [0.5] * len(values)
    if len(set(values)) < 2 or np.std(values) < 1e-6:
        return
    low, high = ttest_rel(values, other).confidence_interval(0.9)
    if min(abs(low + margin), abs(high - margin)) < 1e-6:
        return
    assert (equivalent(values, other, margin) < 0.05) == (-margin < low and high < margin)
    assert (not_worse(values, other, margin) < 0.05) == (-margin < low)


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
