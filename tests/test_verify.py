import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool import measures, verify
from cstool.errors import CstoolError
from cstool.measures import Ranking, parse

NAMES = ["mrr@10", "map", "ndcg@3", "recall@5", "precision@2", "ndcg_burges", "f1", "r-precision"]
ASKED = [parse(name) for name in (*NAMES, "map-l2")]


@st.composite
def queries(draw):
    """Grades, best first, and a ranking that has some of them."""
    grades = sorted(draw(st.lists(st.integers(0, 3), min_size=1, max_size=6)), reverse=True)
    found = draw(st.lists(st.sampled_from(range(len(grades))), unique=True))
    hits = len(found) + draw(st.integers(0, 4))
    ranks = draw(st.permutations(range(1, hits + 1)))[: len(found)]
    return grades, Ranking(hits, sorted(ranks), [grades[place] for place in found])


@given(st.lists(queries(), min_size=1, max_size=4))
@settings(max_examples=40)
def test_ranx_has_the_same_values(given):
    grades, rankings = map(list, zip(*given, strict=True))
    expected = measures.values(ASKED, grades, rankings)
    assert verify.values(ASKED, grades, rankings) == expected


def test_another_value_is_an_error(monkeypatch):
    monkeypatch.setattr(measures, "values", lambda asked, *_: {one: [0.5] for one in asked})
    with pytest.raises(CstoolError, match=r"mrr of query 1 is 0\.5, ranx has 1\.0"):
        verify.values([parse("mrr")], [[1]], [Ranking(1, [1], [1])])


def test_what_ranx_defines_otherwise_is_refused():
    with pytest.raises(CstoolError, match="ranx defines rbp otherwise"):
        verify.values([parse("rbp.8")], [[1]], [Ranking(1, [1], [1])])
