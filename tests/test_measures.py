from math import log2

import pytest

from cstool.measures import NAMES, UNJUDGED, Measure, parse, values


@pytest.mark.parametrize(
    "name", ["mrr@10", "map", "ndcg@10-l2", "r-precision", "f1@3", "ndcg_burges@5", "map-l3"]
)
def test_name_and_measure_are_the_same(name):
    assert str(parse(name)) == name


def test_parts_of_a_name():
    assert parse("precision@20-l2") == Measure("precision", 20, 2)
    assert parse("recall") == Measure("recall", None, 1)


@pytest.mark.parametrize("name", ["", "mrr10", "MRR@10", "mrr@0", "mrr@-1", "r-precision@5", "err"])
def test_unknown_measure(name):
    with pytest.raises(ValueError, match=f"no measure '{name}'; there are mrr, map, ndcg"):
        parse(name)


def test_values_by_hand():
    # One query: grades 3, 1, 1, 0 are judged; the hits are unjudged, grade 1, grade 0, grade 3.
    ranking = [UNJUDGED, 1, 3, 0]
    expected = {
        "mrr": 1 / 2,
        "mrr@1": 0,
        "mrr-l2": 1 / 4,
        "map": (1 / 2 + 2 / 4) / 3,
        "map@2": 1 / 2 / 3,
        "ndcg": (1 / log2(3) + 3 / log2(5)) / (3 + 1 / log2(3) + 1 / log2(4)),
        "ndcg@2": (1 / log2(3)) / (3 + 1 / log2(3)),
        "ndcg_burges@4": (1 / log2(3) + 7 / log2(5)) / (7 + 1 / log2(3) + 1 / log2(4)),
        "recall": 2 / 3,
        "recall@2": 1 / 3,
        "precision": 2 / 4,
        "precision@10": 2 / 10,
        "hit_rate@1": 0,
        "hit_rate": 1,
        "f1": 2 * (2 / 4) * (2 / 3) / (2 / 4 + 2 / 3),
        "r-precision": 1 / 3,
    }
    assert {parse(name).name for name in expected} == set(NAMES)
    found = values(map(parse, expected), [[3, 1, 1, 0]], [ranking])
    assert {str(measure): value for measure, [value] in found.items()} == pytest.approx(expected)


def test_no_hits_and_nothing_relevant_are_worth_nothing():
    found = values(map(parse, NAMES), [[1], [0], [], [2]], [[], [0], [UNJUDGED], [UNJUDGED]])
    assert set(map(tuple, found.values())) == {(0, 0, 0, 0)}
