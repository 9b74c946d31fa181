import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool import words
from cstool.codeswitch import Switcher
from cstool.lexicons.store import Table, invert
from cstool.records import Entry, Text
from cstool.translate import Translator, translate


def translator(*entries, language="en"):
    return Translator(Table.of(Entry(*entry) for entry in entries), language)


GERMAN = (
    *(("rot", "red"), ("Haus", "house"), ("weiße", "white"), ("Weiße Haus", "White House")),
    *(("New York", "New York"), ("wie", "how"), ("wie viele", "how many"), ("Würfel", "dice")),
)
texts = st.lists(
    st.sampled_from(
        ["rot", "ROT", "Haus", "haus's", "wie", "viele", "weiße", "Weiße", "Würfel", "Hausrot"]
    )
    | st.sampled_from([" ", " ", "  ", "\t", "-", ". ", "’", "\u2028", "7", "http://rot.de", "é"]),
    max_size=20,
).map("".join)


# What is translated


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wie rot?", "how red?"),
        ("Wie viele?", "How many?"),  # the longest phrase first, capitals as in the text
        ("wie, viele", "how, viele"),  # a comma ends a phrase
        ("Das WEISSE HAUS", "Das WHITE HOUSE"),
        ("das weiße Haus", "das White House"),  # a translation loses none of its capitals
        ("weiße  Häuser", "white  Häuser"),  # as written: Häuser is not Haus
        ("Rot-Haus (rot)", "Red-House (red)"),
        ("rothaus rot7 http://rot.de", "rothaus rot7 http://rot.de"),
        ("Wu\u0308rfel", "Dice"),  # ü as two characters
        (" \trot\n", " \tred\n"),
        ("", ""),
    ],
)
def test_words_and_phrases(text, expected):
    assert translator(*GERMAN).text(text) == expected


def test_other_scripts():
    made = translator(("кто", "who"), ("красный дом", "red house"), ("من", "who"))
    assert made.text("Кто? Красный дом. «кто»") == "Who? Red house. «who»"
    assert made.text("من هو؟") == "who هو؟"


def test_a_translation_is_never_translated_again():
    assert translator(("die", "the"), ("the", "die")).text("die the die") == "the die the"


def test_capitals_are_those_of_the_language_translated_into():
    assert translator(("drinnen", "içinde"), language="tr").text("Drinnen") == "İçinde"


@given(texts)
def test_it_is_code_switching_of_every_word(text):
    """Both follow the same rules; only what is drawn is left out here."""
    made = translator(*GERMAN)
    switcher = Switcher({"en": made.table}, {"text": ["en"]}, ratio=1, seed=1, source="de")
    assert made.text(text) == switcher.text(text, "text", "1")
    account = switcher.accounts["text"]
    assert (made.account.words, made.account.translated) == (account.words, account.replaced["en"])


@given(st.text())
def test_without_an_entry_every_text_stays(text):
    made = translator()
    assert made.text(text) == text
    assert made.account.untranslated.total() == made.account.words == len(words.units(text))


def test_records_keep_all_but_their_text():
    records = [Text("1", "rot"), Text("2", "Haus", {"language": "de"})]
    assert list(translate(records, translator(*GERMAN))) == [
        Text("1", "red"),
        Text("2", "House", {"language": "de"}),
    ]


def test_an_inverted_lexicon_brings_words_back():
    english = [Entry("red", "rot"), Entry("the house", "Haus"), Entry("house", "Haus")]
    made = Translator(Table.of(invert(english)), "en")
    assert made.text("rot, Haus") == "red, The house"


# The account


def test_the_account_by_hand():
    made = translator(*GERMAN)
    for text in ("Wie viele Häuser", "häuser rot 7", "", "aber"):
        made.text(text)
    assert made.account.summary() == {
        "texts": 4,
        "words": 6,  # wie, viele, häuser; häuser, rot; aber: 7 is no word
        "translated": 3,
        "untranslated_share": 0.5,
        "untranslated_words": {"häuser": 2, "aber": 1},
    }


def test_nothing_has_no_share():
    assert translator().account.summary()["untranslated_share"] == 0


@given(texts)
def test_each_word_is_translated_or_not(text):
    made = translator(*GERMAN)
    made.text(text)
    account = made.account
    assert account.translated + account.untranslated.total() == account.words


@given(st.randoms(use_true_random=False))
def test_the_most_frequent_words_do_not_depend_on_the_order_of_the_texts(random):
    names = [f"{first}{second}" for first in "abcdef" for second in "abcdef"]
    found = ["zz", "zz", *names]
    random.shuffle(found)
    made = translator()
    for text in found:
        made.text(text)
    expected = [("zz", 2), *((name, 1) for name in names[:19])]
    assert list(made.account.summary()["untranslated_words"].items()) == expected
