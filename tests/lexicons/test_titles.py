from collections import Counter

import pytest

from cstool.lexicons.titles import bare, clean
from cstool.records import Entry


def cleaned(*pairs, max_words=3):
    left_out = Counter()
    found = list(clean([Entry(*pair) for pair in pairs], left_out, max_words=max_words))
    return [(entry.source, entry.target) for entry in found], left_out


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
        ("Mercury (planet)", "Merkur"),
        ("Hermes", "Mercury"),  # a title, but not on the source side
    )
    assert found == (
        [("Java", "Java"), ("Mercury", "Merkur"), ("Hermes", "Mercury")],
        {"ambiguous": 1},
    )


def test_pages_outside_the_encyclopedia_are_left_out_whichever_side_says_so():
    assert cleaned(
        ("Category:Rivers", "Kategorie:Fluss"),
        ("Grammy Awards", "Anexo:Premios Grammy"),
        ("Template talk:Rivers", "Fluss"),
        ("Dune", "Dune: Der Film"),
    ) == ([("Dune", "Dune: Der Film")], {"namespace": 3})


def test_titles_that_no_text_can_match_are_left_out():
    pairs = [("1990", "1990"), ("9/11", "9/11"), ("Who?", "Wer?"), ("Dune: Part Two", "Dune 2")]
    assert cleaned(*pairs, ("Rio-Antirio bridge", "Brücke")) == (
        [("Rio-Antirio bridge", "Brücke")],
        {"unmatchable": 4},
    )


def test_long_titles_and_single_stop_words_are_left_out():
    pairs = [
        ("Free University of Berlin", "Freie Universität Berlin"),
        ("The", "The (Album)"),
        ("It (film)", "Es (Film)"),
        ("The Who", "The Who"),
        ("Water", "Wasser"),
    ]
    assert cleaned(*pairs) == (
        [("The Who", "The Who"), ("Water", "Wasser")],
        {"too long": 1, "stop word": 2},
    )
    assert cleaned(*pairs, max_words=4)[0][0][0] == "Free University of Berlin"
    assert cleaned(*pairs, max_words=1)[0] == [("Water", "Wasser")]
