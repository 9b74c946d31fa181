import time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from cstool import words


def found(text):
    return [text[start:end] for start, end in words.spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("The red, red house.", ["The", "red", "red", "house"]),
        ("one  two\tthree\nfour", ["one", "two", "three", "four"]),
        # Apostrophes belong to a word, a possessive 's does not.
        ("don't stop rock'n'roll", ["don't", "stop", "rock'n'roll"]),
        ("l’homme d'or", ["l’homme", "d'or"]),
        ("Germany's dogs' boss’s GERMANY'S", ["Germany", "dogs", "boss", "GERMANY"]),
        ("he's sure", ["he's", "sure"]),
        ("'quoted' ‘words’", ["quoted", "words"]),
        ("rock'star's", ["rock'star"]),
        # A hyphen ends a word, a soft hyphen or a joiner does not.
        ("well-known non‑breaking", ["well", "known", "non", "breaking"]),
        ("Haus\u00adtür", ["Haus\u00adtür"]),
        ("می\u200cخواهم", ["می\u200cخواهم"]),
        # Addresses are no words.
        ("see https://red.house/a?b=c, red", ["see", "red"]),
        ("see HTTP://RED.HOUSE red", ["see", "red"]),
        ("www.red.de/house red", ["red"]),
        ("ask red.house+x@blue-car.co.uk now", ["ask", "now"]),
        ("on MedlinePlus.gov, red.com/house or www", ["on", "or", "www"]),
        ("amazon.co.uk's price", ["price"]),
        ("the end.Red comes", ["the", "end", "Red", "comes"]),
        ("red@house", ["red", "house"]),
        # Whatever holds a digit or an underscore is no word.
        ("3rd covid-19 B2B H2O's 1,000.5 x_1 snake_case red", ["covid", "red"]),
        ("o'b1 o'b_", ["o", "o"]),
        ("٣ كتب ५ किताबें", ["كتب", "किताबें"]),
        # Marks belong to their letters, whatever their form.
        ("हिन्दी में प्रश्न?", ["हिन्दी", "में", "प्रश्न"]),
        ("مَرْحَبًا، يا عالَم", ["مَرْحَبًا", "يا", "عالَم"]),
        ("re\u0301sume\u0301 ro\u0302le", ["re\u0301sume\u0301", "ro\u0302le"]),
        ("\u0301 alone", ["alone"]),
        # Scripts without spaces: one word per run of letters.
        ("我住在紅色的房子裡。你呢", ["我住在紅色的房子裡", "你呢"]),
        ("บ้านสีแดง", ["บ้านสีแดง"]),
        ("東京2020の人口は1400万人", ["東京", "の人口は", "万人"]),
    ],
)
def test_words_of_a_text(text, expected):
    assert found(text) == expected


UNSPACED = regex.compile(
    r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}\p{M}]"
)
# Not yet assigned characters (Cn) are letters to whoever has newer tables of Unicode.
characters = st.characters(codec="utf-8", exclude_categories=["Cn"])


@given(st.text(characters) | st.text("aZ é'’-.@_3s/:\u00ad\u0301www"))
def test_spans_are_whole_words_in_order(text):
    end = 0
    for start, stop in words.spans(text):
        assert end <= start < stop
        assert text[start].isalpha()
        assert not any(letter.isdigit() or letter in "_-@ " for letter in text[start:stop])
        # Never a part of a word: no letter and no digit touches it, where spaces are written.
        for place in (start, stop):
            sides = text[max(0, place - 1) : place], text[place : place + 1]
            assert not all(map(str.isalnum, sides)) or any(map(UNSPACED.match, sides))
        end = stop


@pytest.mark.parametrize("piece", ["-", "a.", "a@", "a-", "'a", "1", "a.b@", "e\u0301"])
def test_time_grows_with_the_length_of_a_text_only(piece):
    """Some passages are one long line of dashes; quadratic time takes four seconds and more."""
    begun = time.process_time()
    words.spans(piece * 30_000)
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    ("word", "key"),
    [
        ("House", "house"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("re\u0301sume\u0301", "résumé"),
        ("don’t", "don't"),
        ("Haus\u00adtür", "haustür"),
        ("МОСКВА", "москва"),
    ],
)
def test_key_of_a_word(word, key):
    assert words.key(word) == key


@pytest.mark.parametrize(
    ("phrase", "key"),
    [
        ("House", "house"),
        ("New  York", "new york"),
        ("New\u00a0York", "new york"),
        ("Well-Known", "well known"),
        ("Mother‐in‑law", "mother in law"),
        ("9/11", None),
        ("AC/DC", None),
        ("Yahoo!", None),
        (" house", None),
        ("New, York", None),
        ("New -York", None),
        ("Germany's capital", None),
        ("", None),
    ],
)
def test_key_of_a_phrase(phrase, key):
    assert words.phrase_key(phrase) == key


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        ("house", "Haus", "Haus"),
        ("red", "rot", "rot"),
        ("Red", "rot", "Rot"),
        ("RED", "rot", "ROT"),
        ("Red house", "rotes Haus", "Rotes Haus"),
        ("I", "ich", "Ich"),
        ("I", "USA", "USA"),
        ("iPod", "iPod", "iPod"),
        ("McDonald", "dönalt", "Dönalt"),
        ("STREET", "straße", "STRASSE"),
        ("Red", "красный", "Красный"),
        ("Red", "أحمر", "أحمر"),
        ("Red", "წითელი", "წითელი"),  # Georgian: no capital at the start of a word
    ],
)
def test_capitals_are_taken_over(source, target, expected):
    assert words.with_case_of(source, target) == expected


@pytest.mark.parametrize("language", ["tr", "az"])
def test_capital_of_a_dotted_i(language):
    assert words.with_case_of("Inside", "içinde", language) == "İçinde"
    assert words.with_case_of("INSIDE", "içinde", language) == "İÇİNDE"
    assert words.with_case_of("Inside", "ılık", language) == "Ilık"
