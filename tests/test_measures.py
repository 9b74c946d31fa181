import warnings
from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool.measures import NAMES, Measure, Ranking, parse, values


@pytest.mark.parametrize(
    "name",
    [
        "mrr@10",
        "map",
        "ndcg@10-l2",
        "r-precision",
        "f1@3",
        "ndcg_burges@5",
        "map-l3",
        "rbp.95",
        "bpref-l2",
    ],
)
def test_name_and_measure_are_the_same(name):
    assert str(parse(name)) == name


def test_parts_of_a_name():
    assert parse("precision@20-l2") == Measure("precision", 20, 2)
    assert parse("recall") == Measure("recall", None, 1)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "mrr10",
        "MRR@10",
        "mrr@0",
        "mrr@-1",
        "r-precision@5",
        "err",
        "rbp",
        "rbp.0",
        "map.5",
        "bpref@3",
    ],
)
def test_unknown_measure(name):
    with pytest.raises(ValueError, match=f"no measure '{name}'; there are mrr, map, ndcg"):
        parse(name)


def test_values_by_hand():
    # One query: grades 3, 1, 1, 0 are judged; the hits are unjudged, grade 1, grade 0, grade 3.
    ranking = Ranking(4, [2, 3, 4], [1, 0, 3])
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
        "hits": 2,
        "hits@2": 1,
        "dcg": 1 / log2(3) + 3 / log2(5),
        "dcg_burges@2": 1 / log2(3),
        "bpref": (1 + (1 - 1 / 1)) / 3,
        "rbp.5": (1 - 0.5) * (0.5 + 0.5**3),
    }
    assert {parse(name).name for name in expected} == set(NAMES)
    found = values(map(parse, expected), [[3, 1, 1, 0]], [ranking])
    assert {str(measure): value for measure, [value] in found.items()} == pytest.approx(expected)


def test_no_hits_and_nothing_relevant_are_worth_nothing():
    names = [parse(name + ".8" * (name == "rbp")) for name in NAMES]
    rankings = [Ranking(0, [], []), Ranking(1, [1], [0]), Ranking(1, [], []), Ranking(1, [], [])]
    found = values(names, [[1], [0], [], [2]], rankings)
    assert set(map(tuple, found.values())) == {(0, 0, 0, 0)}


QUERY = st.tuples(
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
    st.permutations(range(8)),
    st.integers(0, 8),
)


@given(st.lists(QUERY, min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)  # ranx compiles at the first example
def test_values_are_those_of_ranx(queries):
    """Passages 0, 1, ... have the grades as they come, the others are unjudged."""
    from numba.core.errors import NumbaTypeSafetyWarning
    from numba.typed import List
    from ranx.metrics import metric_switch

    cut = [f"{name}{at}" for name in NAMES if name not in ("rbp", "bpref") for at in ("", "@3")]
    measures = [parse(name) for name in cut if name != "r-precision@3"]
    measures += [parse("map-l2"), parse("mrr@2-l2")]
    grades = [sorted(judged, reverse=True) for judged, *_ in queries]
    rankings, judged, ranked = [], [], []
    for ordered, (_, order, depth) in zip(grades, queries, strict=True):
        places = [(rank, pid) for rank, pid in enumerate(order[:depth], 1) if pid < len(ordered)]
        rankings.append(
            Ranking(depth, [rank for rank, _ in places], [ordered[pid] for _, pid in places])
        )
        judged.append(np.array([range(len(ordered)), ordered], dtype=np.float64).T.copy())
        ranked.append(np.array([order[:depth], range(depth, 0, -1)], dtype=np.float64).T.copy())
    ours = values(measures, grades, rankings)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NumbaTypeSafetyWarning)
        for measure in measures:
            theirs = metric_switch(measure.name)(
                List(judged), List(ranked), measure.cutoff or 0, measure.level
            )
            assert ours[measure] == pytest.approx(theirs.tolist()), measure
        # ranx weighs by grade, others do not: with one grade they are the same.
        for judgements in judged:
            judgements[:, 1] = judgements[:, 1] > 0
        theirs = metric_switch("rbp")(List(judged), List(ranked), 0.8, 1)
        [found] = values([parse("rbp.8")], grades, rankings).values()
        assert found == pytest.approx(theirs.tolist())
