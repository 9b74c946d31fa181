import io
from collections import Counter

import pytest

from cstool.lexicons import titleindex
from cstool.lexicons.commonwords import STOP_WORDS
from cstool.lexicons.dictionaries import Account
from cstool.lexicons.titleindex import TitleIndex, bare
from cstool.lexicons.titlerules import RULES, Rules
from cstool.lexicons.titles import Harvest, links
from cstool.records import Entry


def cleaned(*pairs, source="en", target="de", **rules):
    """Make a lexicon of pairs: its pairs of words, and what was left out by rule."""
    rules = {"max_words": 3, "stop_words": STOP_WORDS, "running_case": False} | rules
    harvest = Harvest(source, (target,), io.BytesIO)
    harvest.take(links(pairs, (target,), harvest.index))
    account = Account()
    entries = list(harvest.entries(Rules(source, target, **rules), account))
    assert account.entries == len(entries)
    assert account.sources == len({entry.source for entry in entries})
    return [(entry.source, entry.target) for entry in entries], account.left_out


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Java (island)", "Java"),
        ("New York (state) (disambiguation)", "New York (state)"),
        ("Plain", "Plain"),
        ("(What's the Story) Morning Glory", "(What's the Story) Morning Glory"),
        ("(disambiguation)", "(disambiguation)"),
        ("f(x)", "f(x)"),
    ],
)
def test_a_disambiguation_at_the_end_is_taken_away(title, expected):
    assert bare(title) == expected


def test_disambiguations_go_on_both_sides():
    assert cleaned(("Hancock (Maine)", "Condado (Maine)"), ("War film", "Cine (arte)")) == (
        [("Hancock", "Condado"), ("War film", "Cine")],
        {},
    )


def test_a_disambiguated_title_is_left_out_where_the_bare_form_is_another_article():
    found = cleaned(
        ("Java (island)", "Java (Insel)"),
        ("Java", "Java (Programmiersprache)"),
        ("IT", "Informationstechnik"),
        ("Aids", "Hilfen"),
        ("AIDS (disease)", "AIDS"),  # no text tells the two apart
        ("Mercury (planet)", "Merkur"),
        ("Hermes", "Mercury"),  # a title, but not on the source side
    )
    assert found == (
        [("Java", "Java"), ("Aids", "Hilfen"), ("Mercury", "Merkur"), ("Hermes", "Mercury")],
        {"ambiguous": 2, "stop-word": 1},
    )


def test_titles_with_one_bare_form_are_all_left_out_and_a_repeated_line_is_not():
    found = cleaned(
        ("Vertigo (film)", "Vertigo"),
        ("Vertigo (song)", "Vertigo (Lied)"),
        ("Magnolia (film)", "Magnolia"),
        ("Magnolia (film)", "Magnolia"),
    )
    assert found == ([("Magnolia", "Magnolia")], {"ambiguous": 2, "repeated": 1})


def test_a_redirect_takes_the_bare_form_as_well():
    index = TitleIndex()
    index.add(["Mars (band)", "Venus (band)"])
    index.add_redirects(["MARS"])
    index.close()
    assert index.is_taken("Mars")
    assert not index.is_taken("Venus")


def test_titles_with_line_breaks_do_not_shift_the_keys_of_others():
    assert titleindex.keys(["A\nB", "Straße", ""]) == ["a\nb", "strasse", ""]
    assert titleindex.keys([]) == []


def test_an_empty_index_can_be_closed():
    index = TitleIndex()
    index.close()
    assert index.have_variants(["Water"]) == [False]


def test_a_common_word_is_not_what_a_title_in_parentheses_means():
    pairs = [
        ("It (novel)", "Es"),
        ("Can (band)", "Can"),
        ("Heart (band)", "Heart"),
        ("Heart", "Herz"),
    ]
    assert cleaned(*pairs[:3], common={"heart"}) == ([], {"stop-word": 2, "common-word": 1})
    assert cleaned(*pairs[:3]) == ([("Heart", "Heart")], {"stop-word": 2})
    assert cleaned(pairs[3], common={"heart"}) == ([("Heart", "Herz")], {})


def test_pages_outside_the_encyclopedia_are_left_out_whichever_side_says_so():
    assert cleaned(
        ("Category:Rivers", "Kategorie:Fluss"),
        ("Grammy Awards", "Anexo:Premios Grammy"),
        ("Template talk:Rivers", "Fluss"),
        ("Dune", "Dune: Der Film"),
    ) == ([("Dune", "Dune: Der Film")], {"namespace": 3})


def test_lists_and_disambiguation_pages_are_left_out_in_either_language():
    assert cleaned(
        ("List of rivers", "Fluss"),
        ("Duke of Parma", "Liste der Herzöge von Parma"),
        ("Listening", "Zuhören"),
        ("Mercury (disambiguation)", "Merkur"),
        ("Run", "Run (Begriffsklärung)"),
    ) == ([("Listening", "Zuhören")], {"list": 2, "disambiguation": 2})
    found = cleaned(("Список рек", "Rivers"), ("Река", "List of rivers"), source="ru", target="en")
    assert found == ([], {"list": 2})


def test_numbers_and_titles_that_no_text_can_match_are_left_out():
    pairs = [("1990", "1990"), ("9/11", "Anschlag"), ("Apollo 8", "Apollo 8"), ("Seven", "7")]
    assert cleaned(*pairs) == ([], {"number": 4})
    pairs = [("Who?", "Wer?"), ("Dune: Part Two", "Dune"), ("Rio-Antirio bridge", "Brücke")]
    assert cleaned(*pairs) == ([("Rio-Antirio bridge", "Brücke")], {"unmatchable": 2})


def test_long_titles_and_such_of_stop_words_alone_are_left_out():
    pairs = [
        ("Free University of Berlin", "Freie Universität Berlin"),
        ("The", "The (Album)"),
        ("It (film)", "Es (Film)"),
        ("The Who", "The Who"),
        ("The Beatles", "The Beatles"),
        ("Water", "Wasser"),
    ]
    kept = [("The Beatles", "The Beatles"), ("Water", "Wasser")]
    assert cleaned(*pairs) == (kept, {"long": 1, "stop-word": 3})
    assert cleaned(*pairs, max_words=4)[0][0][0] == "Free University of Berlin"
    assert cleaned(*pairs, max_words=1)[0] == [("Water", "Wasser")]


def test_of_titles_that_differ_in_case_the_one_in_lower_case_stays():
    pairs = [("Red Meat", "Red Meat"), ("Red meat", "Rotes Fleisch"), ("Big Ben", "Big Ben")]
    assert cleaned(*pairs) == (
        [("Red meat", "Rotes Fleisch"), ("Big Ben", "Big Ben")],
        {"variant": 1},
    )


def test_titles_with_tabs_or_line_breaks_or_broken_bytes_are_left_out():
    pairs = [("A\tb", "c"), ("Water", "Was\nser"), ("Fire", "Feu\u2028er"), ("Air", "\ufffd")]
    assert cleaned(*pairs, ("Earth", "Erde")) == ([("Earth", "Erde")], {"broken": 4})


BROKEN_BY = {
    "namespace": ("Category:Rivers", "Fluss"),
    "list": ("List of rivers", "Fluss"),
    "disambiguation": ("Mercury (disambiguation)", "Merkur"),
    "number": ("Seven", "7"),
    "unmatchable": ("Who?", "Wer?"),
    "long": ("Free University of Berlin", "Freie Universität"),
    "stop-word": ("The Who", "The Who"),
    "ambiguous": ("Java (island)", "Insel Java"),
    "common-word": ("Heart (band)", "Heart"),
    "variant": ("Red Meat", "Red Meat"),
}


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_can_be_switched_off(rule):
    others = [("Java", "Java"), ("Red meat", "Fleisch")]
    pairs = [BROKEN_BY[rule], *others]
    assert cleaned(*pairs, common={"heart"}) == (others, {rule: 1})
    keep = [rule, "unmatchable"]  # a namespace's colon is one more fault
    found, left_out = cleaned(*pairs, common={"heart"}, keep=keep)
    assert (bare(BROKEN_BY[rule][0]), bare(BROKEN_BY[rule][1])) in found
    assert left_out == {}


def test_identical_pairs_go_if_told_so_and_translations_of_one_title_are_ranked():
    pairs = [
        ("Radio", "radio"),
        ("Bank", "Ufer"),
        ("Water", "Wasser"),
        ("bank", "Bank"),
        ("Bank", "Bank"),
    ]
    assert cleaned(*pairs, keep_identical=False, keep=["variant"]) == (
        [("Water", "Wasser"), ("Bank", "Ufer")],
        {"identical": 3},
    )
    harvest = Harvest("en", ("de",), io.BytesIO)
    harvest.take(
        links([("Bank", "Ufer"), ("Sea", "See"), ("Bank", "Bank")], ("de",), harvest.index)
    )
    assert list(harvest.entries(Rules("en", "de", 3), Account())) == [
        Entry("Sea", "See", 1.0),
        Entry("Bank", "Ufer", 1.0),
        Entry("Bank", "Bank", 0.5),
    ]


def test_several_languages_come_out_of_one_pass():
    rows = [
        ("Water", "Wasser", ""),
        ("Sea", "Meer", "Mare"),
        ("Category:Sea", "", "Categoria:Mari"),
    ]
    harvest = Harvest("en", ("de", "it"), io.BytesIO)
    harvest.take(links(rows, ("de", "it"), harvest.index))
    accounts = {"de": Account(), "it": Account()}
    entries = {
        language: [e.source for e in harvest.entries(Rules("en", language, 3), account)]
        for language, account in accounts.items()
    }
    assert entries == {"de": ["Water", "Sea"], "it": ["Sea"]}
    assert accounts["it"].left_out == Counter({"namespace": 1})


def test_words_take_the_case_that_they_have_within_titles():
    pairs = [
        ("Music", "Música"),
        ("History of music", "Historia de la música"),
        ("Greece", "Grecia"),
        ("Music of Greece", "Música de Grecia"),
        ("New York", "Nueva York"),
    ]
    found, _ = cleaned(*pairs, target="es", running_case=True)
    assert found == [
        ("Music", "música"),
        ("History of music", "Historia de la música"),
        ("Greece", "Grecia"),
        ("Music of Greece", "Música de Grecia"),
        ("New York", "Nueva York"),
    ]
