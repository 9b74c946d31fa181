import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool import runs
from cstool.errors import CstoolError
from cstool.records import Example, Hit
from cstool.rerank import pairs_of, score_examples
from cstool.rerank import rerank as rerank_windows
from cstool.textfile import Held
from cstool.windows import Scores, shuffled

QUERIES = {"q1": "one", "q2": "two"}
PASSAGES = {f"p{i}": "x" * i for i in range(10)}


def run_of(qid: str, *pids: str) -> runs.Run:
    return runs.by_query(Hit(qid, pid, -rank) for rank, pid in enumerate(pids))


def rerank(run, queries, passages, score, **options):
    """Rerank with a scorer of one window."""

    def each(windows):
        return (Scores(score(pairs)) for pairs in windows)

    return rerank_windows(run, pairs_of(queries, Held(passages)), each, **options)


def by_length(pairs):
    return [float(len(passage)) for _, passage in pairs]


def pids(hits) -> list[str]:
    return [hit.pid for hit in runs.order(hits)]


def test_scores_decide():
    [hits] = rerank(run_of("q1", "p1", "p3", "p2"), QUERIES, PASSAGES, by_length, depth=10)
    assert pids(hits) == ["p3", "p2", "p1"]
    assert {hit.score for hit in hits} == {3.0, 2.0, 1.0}


def test_hits_below_the_depth_stay_below_in_their_order():
    run = run_of("q1", "p1", "p2", "p9", "p0", "p8")
    [hits] = rerank(run, QUERIES, PASSAGES, lambda pairs: [-7.25] * len(pairs), depth=2)
    assert pids(hits) == ["p1", "p2", "p9", "p0", "p8"]
    assert [hit.score for hit in runs.order(hits)] == [-7.25, -7.25, -9.0, -10.0, -11.0]
    [hits] = rerank(run, QUERIES, PASSAGES, by_length, depth=2, keep_tail=False)
    assert pids(hits) == ["p2", "p1"]


@given(st.permutations(sorted(PASSAGES)), st.sampled_from(["constant", "length"]))
def test_the_order_of_the_first_stage_leaves_no_trace(order, kind):
    """Not in the result, and not in what the scorer sees: nothing there could leak it."""
    seen = []

    def score(pairs):
        seen.append(list(pairs))
        return by_length(pairs) if kind == "length" else [0.0] * len(pairs)

    def once(pids):
        [hits] = rerank(run_of("q1", *pids), QUERIES, PASSAGES, score, depth=10)
        return list(runs.lines([hits], "t"))

    assert once(order) == once(sorted(PASSAGES))
    assert seen[0] == seen[1]


def test_hash_order_is_not_the_order_of_ids():
    hits = [Hit("q1", pid, 0.0) for pid in sorted(PASSAGES)]
    assert [hit.pid for hit in shuffled(hits)] != sorted(PASSAGES)
    # Another query shuffles the same passages in another way.
    other = [Hit("q2", pid, 0.0) for pid in sorted(PASSAGES)]
    assert [hit.pid for hit in shuffled(hits)] != [hit.pid for hit in shuffled(other)]


def test_queries_stay_apart_and_come_by_id():
    run = run_of("q2", "p1", "p2") | run_of("q1", "p2", "p4")
    by_query = list(
        rerank(run, QUERIES, PASSAGES, lambda ps: [len(p) * len(q) for q, p in ps], depth=5)
    )
    assert [(hits[0].qid, sorted(hit.score for hit in hits)) for hits in by_query] == [
        ("q1", [6, 12]),
        ("q2", [3, 6]),
    ]


@pytest.mark.parametrize("score", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_refused(score):
    with pytest.raises(CstoolError, match="q1 with p1"):
        list(rerank(run_of("q1", "p1"), QUERIES, PASSAGES, lambda pairs: [score], depth=5))


def test_missing_texts_are_named():
    with pytest.raises(CstoolError, match="passage p77 "):
        list(rerank(run_of("q1", "p77"), QUERIES, PASSAGES, by_length, depth=5))
    with pytest.raises(CstoolError, match="query q9 "):
        list(rerank(run_of("q9", "p1"), QUERIES, PASSAGES, by_length, depth=5))


@pytest.mark.parametrize("between", [0, 5000])
def test_a_pair_that_comes_again_must_have_the_same_texts(between):
    """Wherever it comes again: examples are read some thousands at a time."""

    def each(windows):
        return (Scores(by_length(pairs)) for pairs in windows)

    first = Example("q", "one", "p", "text", 1)
    others = [Example("q", "one", f"p{i}", "x", 0) for i in range(between)]
    assert len(list(score_examples([first, *others, first], each))) == between + 1
    copy = Example("q", "one", "p", "testo", 1, {"copy": 1})
    with pytest.raises(CstoolError, match="query q with passage p comes again with other texts"):
        list(score_examples([first, *others, copy], each))
