import gzip

import pytest

from cstool import files, formats
from cstool.lexicons import plausible, store
from cstool.records import Entry


def doubts(pairs, source="en", target="ru"):
    return list(plausible.doubts([Entry(*pair) for pair in pairs], source, target))


RUSSIAN = [(f"word{n}", f"слово{n}") for n in range(30)]
SWAPPED = [(target, source) for source, target in RUSSIAN]


def test_plausible_pairs_raise_no_doubt():
    assert doubts(RUSSIAN) == []
    assert doubts(SWAPPED, "ru", "en") == []
    assert doubts([("Windows", "Windows"), *RUSSIAN]) == []


def test_swapped_languages_are_told_by_their_scripts():
    assert doubts(SWAPPED) == ["the sources look like ru, the targets like en: swapped?"]


def test_a_wrong_script_on_one_side_is_told():
    german = [(source, f"wort{n}") for n, (source, _) in enumerate(RUSSIAN)]
    assert doubts(german) == ["only 0% of the ru words hold a Cyrillic letter"]
    assert doubts(RUSSIAN, "en", "de") == ["only 0% of the de words hold a Latin letter"]
    assert doubts([(target, target + "а") for _, target in RUSSIAN], "en", "ru") == [
        "only 0% of the en words hold a Latin letter"
    ]


def test_a_language_given_twice_is_told():
    same = [(source, source.upper()) for source, _ in RUSSIAN]
    assert doubts(same, "en", "de") == [
        "100% of the pairs have the same word on both sides: is it one language twice?"
    ]


def test_few_pairs_and_unknown_languages_are_not_doubted():
    assert doubts(SWAPPED[: plausible.FEWEST - 1]) == []
    assert doubts([("1", "2")] * 50) == []
    assert doubts(SWAPPED, "xaa", "xab") == []


@pytest.mark.parametrize("language", ["de", "it", "nl", "ru", "ar"])
def test_the_shipped_lexicon_is_plausible_and_its_inverse_is_not(language):
    path = store.pairs(store.find("wiki"), "en")[language]
    entries = list(files.read(path, formats.parse_entry))
    assert list(plausible.doubts(entries, "en", language)) == []
    swapped = list(store.invert(entries))
    assert list(plausible.doubts(swapped, language, "en")) == []
    (doubt,) = plausible.doubts(swapped, "en", language)
    assert doubt.endswith("swapped?")


@pytest.mark.realdata
@pytest.mark.parametrize("language", ["ar", "de", "es", "fr", "it", "ja", "ru"])
def test_genuine_dictionaries_are_plausible_and_their_inverse_is_not(real_data, language):
    path = real_data / "dictionaries" / "muse" / f"en-{language}.txt.gz"
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        entries = [formats.parse_word_pair(line.rstrip("\n")) for line in lines][:20_000]
    assert list(plausible.doubts(entries, "en", language)) == []
    (doubt,) = plausible.doubts(store.invert(entries), "en", language)
    assert doubt.endswith("swapped?")


@pytest.mark.realdata
@pytest.mark.parametrize("language", ["es", "fr", "ja"])
def test_genuine_titles_are_plausible(real_data, language):
    path = real_data / "dictionaries" / "titles" / f"wikipedia-titles.en-{language}.tsv.gz"
    entries = [Entry(*row) for row in files.read(path, formats.parse_titles)]
    assert list(plausible.doubts(entries, "en", language)) == []
