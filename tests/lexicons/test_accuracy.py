import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool.lexicons import accuracy
from cstool.lexicons.accuracy import Share
from cstool.records import Entry

GOLD = [Entry("house", "Haus"), Entry("House", "heim"), Entry("red", "rot"), Entry("sea", "meer")]


def test_a_source_counts_once_and_case_does_not_count():
    lexicon = [Entry("HOUSE", "x"), Entry("house", "HEIM"), Entry("house", "Haus")]
    lexicon += [Entry("red", "blau"), Entry("tree", "Baum")]
    found = accuracy.evaluate(lexicon, accuracy.gold(GOLD))
    assert (found.gold, found.covered, dict(found.hits)) == (3, 2, {1: 0, 5: 1, 10: 1})
    assert found.coverage.value == pytest.approx(2 / 3)
    assert found.precision(5, covered=True).value == 1 / 2
    assert found.precision(5, covered=False).value == pytest.approx(1 / 3)


def test_translations_that_differ_in_case_alone_take_one_place():
    lexicon = [Entry("red", form) for form in ("A", "a", "b", "B", "c", "d", "rot")]
    assert accuracy.evaluate(lexicon, accuracy.gold(GOLD)).hits == {1: 0, 5: 1, 10: 1}


def test_sources_can_be_held_out():
    assert accuracy.gold(GOLD, without={"house", "sea"}) == {"red": {"rot"}}


def muse_precision(dico, ranked, k):
    """Count as get_word_translation_accuracy of MUSE does; dico: index pairs, ranked: (n, >= k)."""
    top_k_matches = ranked[dico[:, 0], :k]
    _matching = (top_k_matches == dico[:, 1][:, None]).sum(1)
    matching = {}
    for i, src_id in enumerate(dico[:, 0]):
        matching[src_id] = min(matching.get(src_id, 0) + _matching[i], 1)
    return np.mean(list(matching.values()))


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 11)), min_size=1, max_size=20),
    st.lists(st.permutations(range(12)), min_size=6, max_size=6),
)
def test_precision_is_that_of_muse(pairs, ranked):
    sources, targets = "abcdef", "ghijklmnopqr"
    gold = accuracy.gold(Entry(sources[s], targets[t]) for s, t in pairs)
    lexicon = [Entry(sources[s], targets[t]) for s, found in enumerate(ranked) for t in found]
    found = accuracy.evaluate(lexicon, gold)
    for k in (1, 5, 10):
        expected = muse_precision(np.array(pairs), np.array(ranked), k)
        assert found.precision(k, covered=True).value == pytest.approx(expected)


# Newcombe, "Two-sided confidence intervals for the single proportion" (1998), table I, method 3
@pytest.mark.parametrize(
    ("count", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_that_of_wilson(count, of, low, high):
    interval = Share(count, of).interval
    assert (interval.low, interval.high) == (
        pytest.approx(low, abs=5e-5),
        pytest.approx(high, abs=5e-5),
    )


def test_a_share_of_nothing_is_zero_and_says_nothing():
    share = accuracy.evaluate([], accuracy.gold(GOLD)).precision(1, covered=True)
    assert (share.value, share.interval.low, share.interval.high) == (0, 0, 1)
