from collections import Counter

import orjson
import pytest

from cstool.lexicons.wiktextract import Wiktextract, plain
from cstool.records import Entry

DOG = {
    "word": "dog",
    "lang": "English",
    "lang_code": "en",
    "pos": "noun",
    "senses": [{"glosses": ["A mammal"], "translations": [{"code": "de", "word": "Rüde"}]}],
    "translations": [
        {"lang": "German", "code": "de", "lang_code": "de", "sense": "animal", "word": "Hund"},
        {"lang": "Russian", "code": "ru", "sense": "animal", "roman": "sobáka", "word": "соба́ка"},
        {"lang": "German", "lang_code": "de", "word": "Hundt", "tags": ["masculine", "obsolete"]},
        {"lang": "German", "lang_code": "de", "note": "use a compound"},
        {"lang": "Mandarin", "lang_code": "cmn", "word": "狗"},
        {"lang": "Finnish", "lang_code": "fi", "word": "koira"},
    ],
}


def parsed(*rows, source="en", languages=("de", "ru", "zh")):
    left_out = {language: Counter() for language in languages}
    parse = Wiktextract(source, languages, left_out)
    found = [one for row in rows for one in parse(orjson.dumps(row).decode())]
    return found, left_out


def test_translations_of_a_word_come_before_those_of_its_senses():
    found, left_out = parsed(DOG)
    assert found == [
        ("de", Entry("dog", "Hund")),
        ("ru", Entry("dog", "собака")),
        ("zh", Entry("dog", "狗")),
        ("de", Entry("dog", "Rüde")),
    ]
    assert left_out == {"de": {"obsolete": 1, "no-word": 1}, "ru": {}, "zh": {}}


def test_other_languages_affixes_and_redirects_are_no_entries():
    found, left_out = parsed(
        DOG | {"lang_code": "nl"},
        DOG | {"word": "-dog", "pos": "suffix"},
        {"title": "Dog", "redirect": "dog", "pos": "hard-redirect"},
        {"word": "god", "lang_code": "en", "pos": "noun"},
    )
    assert found == []
    assert left_out["de"] == {"other-language": 2, "affix": 4}


def test_another_source_language_than_english():
    hund = {"word": "Hund", "lang_code": "de", "translations": [{"lang_code": "en", "word": "dog"}]}
    assert parsed(hund, source="de", languages=["en"])[0] == [("en", Entry("Hund", "dog"))]


@pytest.mark.parametrize(
    ("word", "language", "expected"),
    [
        ("испари́ться", "ru", "испариться"),
        ("مَعْبَد", "ar", "معبد"),
        ("כֶּלֶב", "he", "כלב"),
        ("café", "fr", "café"),
        ("cafe\u0301", "fr", "café"),
        ("\u043a\u0301рак", "mk", "\u045cрак"),
    ],
)
def test_marks_that_only_dictionaries_write_are_taken_away(word, language, expected):
    assert plain(word, language) == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"word": "dog"', "expected a JSON object"),
        ('["dog"]', "expected a JSON object"),
        ('{"qid": "q1", "query": "dog"}', "keys qid, query, expected an entry of Wiktextract"),
        ('{"word": 1, "lang_code": "en", "translations": [{"code": "de", "word": "x"}]}', "is 1"),
        ('{"word": "a", "lang_code": "en", "translations": "x"}', "expected a list of objects"),
        ('{"word": "a", "lang_code": "en", "translations": ["x"]}', "expected a list of objects"),
        ('{"word": "a", "lang_code": "en", "senses": {}, "translations": {"a": 1}}', "a list of"),
    ],
)
def test_a_line_that_is_not_wiktextracts_is_told(line, problem):
    with pytest.raises(ValueError, match=problem):
        Wiktextract("en", ["de"], {"de": Counter()})(line)
