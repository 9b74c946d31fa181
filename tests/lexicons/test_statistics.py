import pytest

from cstool.lexicons.statistics import Statistics, script
from cstool.records import Entry


def test_counts():
    entries = [("house", "Haus"), ("House", "дом"), ("radio", "Radio"), ("new york", "Нью-Йорк")]
    entries += [("New-York", "Neu York"), ("9/11", "11. September")]
    found = Statistics.of(Entry(*entry) for entry in entries)
    assert (found.entries, found.sources, found.most) == (6, 4, 2)
    assert (found.identical, found.unmatchable) == (1, 1)
    assert found.phrases == {1: 2, 2: 1, 0: 1}
    assert found.scripts == {"Latin": 4, "Cyrillic": 2}


def test_nothing():
    assert Statistics.of([]) == Statistics()


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        *(("Haus", "Latin"), ("11. September", "Latin"), ("дом", "Cyrillic"), ("بيت", "Arabic")),
        *(
            ("家", "Han"),
            ("いえ", "Hiragana"),
            ("ドア", "Katakana"),
            ("집", "Hangul"),
            ("ბ", "Georgian"),
        ),
        *(("ᠮ", "other"), ("11", "other"), ("", "other")),
    ],
)
def test_the_script_of_a_word_is_that_of_its_first_letter(word, expected):
    assert script(word) == expected
