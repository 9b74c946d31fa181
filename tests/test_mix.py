from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from cstool.errors import CstoolError
from cstool.mix import Drawn, draw, mix
from cstool.records import Text

LANGUAGES = ("en", "de", "it", "ru")

ids = st.lists(st.text(max_size=4), unique=True, max_size=20)
seeds = st.integers(-3, 3)


def texts(names, *languages):
    """Give the same texts in several languages, each saying which one it is."""
    return {
        language: [Text(name, f"{name} in {language}") for name in names] for language in languages
    }


def assigned(drawn):
    return {one.text.id: one.language for one in drawn}


# What is drawn


@given(ids, st.permutations(LANGUAGES), seeds)
def test_each_text_comes_once_in_its_language_and_in_order(names, languages, seed):
    drawn = mix(texts(names, *languages), seed)
    assert [one.text.id for one in drawn] == names
    assert all(one.text.text == f"{one.text.id} in {one.language}" for one in drawn)


@given(ids, seeds)
def test_another_language_moves_only_the_ids_that_it_wins(names, seed):
    few = assigned(mix(texts(names, "en", "de", "it"), seed))
    more = assigned(mix(texts(names, *LANGUAGES), seed))
    assert {name: more[name] for name in names if more[name] != "ru"} == {
        name: few[name] for name in names if more[name] != "ru"
    }


@given(ids, st.permutations(LANGUAGES), st.randoms(use_true_random=False), seeds)
def test_no_order_has_a_say_in_the_draw(names, languages, random, seed):
    shuffled = {
        language: random.sample(found, len(found))
        for language, found in texts(names, *languages).items()
    }
    drawn = mix(shuffled, seed)
    assert assigned(drawn) == assigned(mix(texts(names, *LANGUAGES), seed))
    assert [one.text.id for one in drawn] == [text.id for text in shuffled[languages[0]]]


@given(ids, st.lists(st.sampled_from(range(20)), max_size=5), seeds)
def test_a_text_does_not_depend_on_the_others(names, kept, seed):
    some = [name for number, name in enumerate(names) if number in kept]
    whole = assigned(mix(texts(names, *LANGUAGES), seed))
    assert assigned(mix(texts(some, *LANGUAGES), seed)) == {name: whole[name] for name in some}


def test_another_seed_draws_anew():
    names = [str(number) for number in range(4000)]
    first, second = (assigned(mix(texts(names, *LANGUAGES), seed)) for seed in (1, 2))
    same = sum(first[name] == second[name] for name in names)
    assert binomtest(same, 4000, 1 / 4).pvalue > 0.01


def test_languages_get_even_shares():
    counts = Counter(draw(str(number), LANGUAGES, seed=1) for number in range(4000))
    for language in LANGUAGES:
        assert binomtest(counts[language], 4000, 1 / 4).pvalue > 0.01


def test_the_hash_is_fixed():
    """Whoever changes what is drawn makes every published result unrepeatable."""
    # The largest of sha256sum over "(1, 'q1', 'en')" and so on.
    drawn = [draw(f"q{number}", LANGUAGES, seed=1) for number in range(1, 9)]
    assert drawn == ["ru", "ru", "ru", "it", "en", "ru", "ru", "en"]


def test_a_single_language_stays_as_it_is():
    [one, other] = texts(["1", "2"], "de")["de"]
    assert mix({"de": [one, other]}, 1) == [Drawn(one, "de"), Drawn(other, "de")]


def test_no_texts_are_no_mistake():
    assert mix(texts([], "en", "de"), 1) == []


# The same ids everywhere


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        (["1", "2"], ["2"], "file de: lacks id 1, which file en has"),
        (["2"], ["2", "1"], "file en: lacks id 1, which file de has"),
        ([], ["1"], "file en: lacks id 1, which file de has"),
        (["1"], [], "file de: lacks id 1, which file en has"),
        (
            ["3", "1", "4", "2"],
            ["1"],
            "file de: lacks id 3, which file en has, and 2 more are missing",
        ),
        (["1"], ["3", "2", "1"], "file en: lacks id 3, which file de has, and 1 more are missing"),
    ],
)
def test_a_missing_id_is_named_with_its_place(first, second, problem):
    found = texts(first, "en") | texts(second, "de") | texts([*first, "7"], "it")
    with pytest.raises(CstoolError) as caught:
        mix(found, 1, where=lambda language: f"file {language}")
    assert str(caught.value) == problem


def test_an_id_is_missing_wherever_it_was_drawn():
    """Not only where the text would have been taken from that language."""
    names = [str(number) for number in range(20)]
    for name in names:
        found = texts(names, "en", "de")
        found["de"] = [text for text in found["de"] if text.id != name]
        with pytest.raises(CstoolError, match=f"^de: lacks id {name}, which en has$"):
            mix(found, 1)
