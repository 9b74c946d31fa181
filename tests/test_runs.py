import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool import formats, runs
from cstool.errors import CstoolError
from cstool.records import Hit

hits = st.builds(
    Hit,
    st.sampled_from(["q1", "q2", "q10"]),
    st.text("ab1", min_size=1, max_size=3),
    st.floats(allow_nan=False, allow_infinity=False),
)
different = st.lists(hits, unique_by=lambda hit: (hit.qid, hit.pid))


def pids(found):
    return [hit.pid for hit in found]


def test_higher_scores_come_first_and_equal_ones_by_passage():
    found = [Hit("q", "p2", 1.0), Hit("q", "p10", 1.0), Hit("q", "p3", 2.0), Hit("q", "p1", -1.0)]
    assert pids(runs.order(found)) == ["p3", "p10", "p2", "p1"]


def test_queries_stay_in_the_order_of_their_first_hit():
    run = runs.by_query([Hit("q2", "a", 1), Hit("q1", "a", 1), Hit("q2", "b", 2)])
    assert list(run) == ["q2", "q1"]
    assert pids(run["q2"]) == ["b", "a"]


def test_a_passage_listed_twice_is_refused_or_counted():
    found = [Hit("q1", "a", 1), Hit("q1", "b", 2), Hit("q1", "a", 3), Hit("q2", "a", 1)]
    with pytest.raises(CstoolError, match="query q1: passage a is listed more than once"):
        runs.by_query(found)
    repeated = Counter()
    run = runs.by_query(found, repeated=repeated)
    assert run["q1"] == [Hit("q1", "a", 3), Hit("q1", "b", 2)]
    assert repeated == {"q1": 1}


def test_lines_by_hand():
    run = [[Hit("q1", "b", 1), Hit("q1", "a", 1)], [Hit("q2", "a", 0.5)]]
    expected = ["q1 Q0 a 1 1 tag", "q1 Q0 b 2 1 tag", "q2 Q0 a 1 0.5 tag"]
    assert list(runs.lines(run, "tag")) == expected


def test_scores_that_are_written_the_same_are_ordered_by_passage():
    """In double precision b is the better one, but nobody can see that in the file."""
    run = [[Hit("q", "b", 1.00000000000002), Hit("q", "a", 1.00000000000001)]]
    assert list(runs.lines(run, "t")) == ["q Q0 a 1 1 t", "q Q0 b 2 1 t"]


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_a_score_that_is_no_number_is_refused(score):
    with pytest.raises(CstoolError, match=rf"query q: passage p has the score {score}"):
        list(runs.lines([[Hit("q", "p", score)]], "t"))


@given(different)
def test_whoever_sorts_the_file_finds_its_ranks(found):
    lines = list(runs.lines(runs.by_query(found).values(), "tag"))
    again = runs.by_query(map(formats.parse_hit, lines))
    assert list(runs.lines(again.values(), "tag")) == lines
    ranks = [int(line.split()[3]) for line in lines]
    assert ranks == [rank for found in again.values() for rank in range(1, len(found) + 1)]


@given(different, st.randoms(use_true_random=False))
def test_the_order_of_the_lines_does_not_matter(found, random):
    shuffled = list(found)
    random.shuffle(shuffled)
    assert runs.by_query(shuffled) == runs.by_query(found)
