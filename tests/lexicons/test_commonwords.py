from cstool.lexicons import commonwords
from cstool.records import Entry

SHIPPED = [
    Entry("house", "Haus"),
    Entry("a few", "ein paar"),
    Entry("across", "quer über"),
    Entry("Germany", "Deutschland"),
    Entry("too much", "zuviel"),
]


def test_common_words_of_english_are_those_of_the_lexicon_and_ours():
    found = commonwords.common_words("en", SHIPPED)
    assert {"house", "it", "gone", "yeah"} <= found
    assert not {"germany", "a few", "haus"} & found


def test_common_words_of_another_language_are_the_translations():
    assert commonwords.common_words("de", SHIPPED) == {"haus", "zuviel"}


def test_stop_words():
    assert {"it", "can", "the"} <= commonwords.stop_words("en")
    assert {"der", "und", "für"} <= commonwords.stop_words("de")  # of NLTK's list
    assert commonwords.stop_words("xh") == frozenset()
