from collections import Counter, defaultdict
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool.lexicons import store, vocabulary
from cstool.lexicons.operations import merge, restrict
from cstool.lexicons.store import Table
from cstool.records import Entry
from cstool.translate import Translator

MUSE = [Entry("house", "haus", 1), Entry("house", "heim", 0.5), Entry("Red", "rot", 1)]
TITLES = [Entry("House", "Dr. House"), Entry("house", "Haus", 0.3), Entry("new york", "Neu York")]

WORDS = st.sampled_from(["a", "A", "b", "c d", "c-d", "e", "9/11"])
LEXICONS = st.lists(st.builds(Entry, WORDS, WORDS, st.sampled_from([0.25, 1.0])), max_size=8)


def by_hand(*entries):
    return [Entry(source, target, pytest.approx(score)) for source, target, score in entries]


def test_a_union_has_all_and_means_of_one_by_the_rank():
    assert list(merge([MUSE, TITLES], "union")) == by_hand(
        ("house", "haus", (1 + 1 / 2) / 2),
        ("house", "Dr. House", (0 + 1) / 2),
        ("house", "heim", (1 / 2 + 0) / 2),
        ("Red", "rot", 1 / 2),
        ("new york", "Neu York", 1 / 2),
    )


def test_weights_count_and_words_are_written_as_in_the_first_lexicon():
    assert list(merge([TITLES, MUSE], "union", [3, 1]))[:3] == by_hand(
        ("House", "Dr. House", 3 / 4),
        ("House", "Haus", (3 / 2 + 1) / 4),
        ("House", "heim", (1 / 2) / 4),
    )


def test_an_intersection_has_what_is_in_all():
    assert list(merge([MUSE, TITLES], "intersection")) == by_hand(("house", "haus", 0.75))
    assert list(merge([MUSE, TITLES, []], "intersection")) == []


def test_priority_takes_a_source_from_one_lexicon_as_it_is():
    assert list(merge([TITLES, MUSE], "priority")) == [
        Entry("House", "Dr. House"),
        Entry("House", "Haus", 0.3),
        Entry("new york", "Neu York"),
        Entry("Red", "rot", 1),
    ]


def test_equal_scores_come_in_the_order_of_the_lexicons():
    lexicons = [[Entry("a", target)] for target in "zyx"]
    assert [entry.target for entry in merge(lexicons, "union")] == ["z", "y", "x"]
    assert [entry.target for entry in merge(lexicons[::-1], "union")] == ["x", "y", "z"]


def keyed(entries):
    return {
        (store.source_key(entry.source), entry.target.casefold()): entry.score for entry in entries
    }


def ranks(entries):
    """Give the rank of each translation of each source, both without regard to case."""
    known = defaultdict(list)
    for source, target in keyed(entries):
        known[source].append(target)
    return {(s, t): rank for s, found in known.items() for rank, t in enumerate(found, start=1)}


@given(LEXICONS)
def test_a_lexicon_merged_with_itself_is_the_same_in_the_same_order(lexicon):
    expected = {pair: pytest.approx(1 / rank) for pair, rank in ranks(lexicon).items()}
    assert keyed(merge([lexicon, lexicon], "union")) == expected
    assert keyed(merge([lexicon, lexicon], "intersection")) == expected


@given(st.lists(LEXICONS, min_size=2, max_size=4), st.data())
def test_the_order_of_the_lexicons_moves_no_score(lexicons, data):
    for how in ("union", "intersection"):
        scores = keyed(merge(lexicons, how))
        assert keyed(merge(data.draw(st.permutations(lexicons)), how)) == scores


@given(LEXICONS, LEXICONS, st.floats(0.1, 10))
def test_what_is_in_which_merge(first, second, weight):
    union = list(merge([first, second], "union", [weight, 1]))
    both = keyed(merge([first, second], "intersection", [weight, 1]))
    assert keyed(union).keys() == keyed(first).keys() | keyed(second).keys()
    assert both.keys() == keyed(first).keys() & keyed(second).keys()
    assert both.items() <= keyed(union).items()
    preferred = keyed(merge([first, second], "priority"))
    sources = {source for source, _ in keyed(first)}
    assert preferred.keys() == keyed(first).keys() | {
        pair for pair in keyed(second) if pair[0] not in sources
    }
    for left, right in pairwise(union):
        assert left.source != right.source or left.score >= right.score


def test_restrictions_count_what_they_leave_out():
    left_out = Counter()
    entries = [*MUSE, Entry("HOUSE", "bau", 0.9), Entry("9/11", "x")]
    kept = restrict(entries, left_out, vocabulary={"house", "9"}, max_translations=1, min_score=0.6)
    assert list(kept) == [Entry("house", "haus", 1)]
    assert left_out == {"not in the vocabulary": 2, "below the score": 1, "beyond the best": 1}
    assert list(restrict(entries, left_out)) == entries


@given(LEXICONS, st.lists(st.sampled_from(["a", "B", "c", "d", "f"]), max_size=6))
def test_a_text_is_translated_by_its_part_of_a_lexicon_as_by_the_whole(lexicon, found):
    text = " ".join(found)
    known = vocabulary.keys([[text]])
    part = list(restrict(lexicon, Counter(), vocabulary=known))
    whole, restricted = (
        Translator(Table.of(entries), "de").text(text) for entries in (lexicon, part)
    )
    assert restricted == whole
