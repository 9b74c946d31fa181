from itertools import permutations
from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool.chance import expected
from cstool.measures import NAMES, Ranking, parse, values

GRADES = st.lists(st.integers(0, 3), max_size=5).map(lambda grades: sorted(grades, reverse=True))
MEASURES = [
    parse(f"{name}{'.8' * (name == 'rbp')}{cutoff}{level}")
    for name in NAMES
    for cutoff in ("", "@2", "@10")
    for level in ("", "-l2")
    if not (cutoff and name in ("r-precision", "bpref", "rbp"))
]
UNJUDGED = -1


def ranking(grades, order):
    """Rank passages that are named by the place of their grade, or UNJUDGED."""
    found = [(rank, grades[place]) for rank, place in enumerate(order, 1) if place != UNJUDGED]
    return Ranking(len(order), [rank for rank, _ in found], [grade for _, grade in found])


@given(grades=GRADES, unjudged=st.integers(0, 3), data=st.data())
@settings(max_examples=30)
def test_chance_is_the_mean_over_all_orders(grades, unjudged, data):
    """Graded relevance, and any of the judged passages missing from the candidates."""
    judged = data.draw(st.sets(st.integers(0, len(grades) - 1), max_size=4)) if grades else set()
    candidates = [*judged, *[UNJUDGED] * unjudged][:5]
    orders = [ranking(grades, order) for order in permutations(candidates)]
    brute = values(MEASURES, [grades] * len(orders), orders)
    for measure in MEASURES:
        [found] = expected(measure, [grades], [ranking(grades, candidates)])
        assert found == pytest.approx(fsum(brute[measure]) / len(orders)), measure


def test_by_hand():
    # One relevant passage among ten: RR is 1/i with probability 1/10 each.
    [found] = expected(parse("mrr@3"), [[1]], [Ranking(10, [1], [1])])
    assert found == pytest.approx((1 + 1 / 2 + 1 / 3) / 10)
    # Two relevant passages of which one is a candidate, in first or second place.
    [found] = expected(parse("map"), [[1, 1]], [Ranking(2, [1], [1])])
    assert found == pytest.approx((1 / 2 + 1 / 4) / 2)


def test_one_value_per_query():
    rankings = [Ranking(2, [1], [1]), Ranking(1, [1], [0]), Ranking(0, [], [])]
    found = expected(parse("recall@1"), [[1], [0], [1]], rankings)
    assert found == [0.5, 0.0, 0.0]
