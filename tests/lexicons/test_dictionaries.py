from collections import Counter

import pytest

from cstool.lexicons.dictionaries import Account, Dictionary, ranked
from cstool.records import Entry

PAIRS = [
    Entry("the", "die"),
    Entry("and", "und"),
    Entry("the", "der"),
    Entry("the", "die"),
    Entry("bank", "Bank"),
    Entry("the", "das"),
]


def test_translations_are_ranked_within_their_source_in_file_order():
    account = Account()
    assert ranked(PAIRS, account) == [
        Entry("the", "die", 1.0),
        Entry("the", "der", 1 / 2),
        Entry("the", "das", 1 / 3),
        Entry("and", "und", 1.0),
        Entry("bank", "Bank", 1.0),
    ]
    assert account.summary() == {
        "entries": 5,
        "sources": 3,
        "identical": 1,
        "unmatchable": 0,
        "left_out": {"repeated": 1},
    }


def test_only_the_best_translations_are_kept_if_told_so():
    account = Account()
    entries = ranked(PAIRS, account, max_translations=2)
    assert [entry.target for entry in entries] == ["die", "der", "und", "Bank"]
    assert account.left_out == {"repeated": 1, "beyond the best": 1}


def test_identical_pairs_go_if_told_so_and_leave_no_gap_in_the_ranks():
    account = Account()
    pairs = [Entry("park", "Park"), Entry("park", "Grünanlage"), Entry("radio", "radio")]
    assert ranked(pairs, account, keep_identical=False) == [Entry("park", "Grünanlage", 1.0)]
    assert account.left_out == {"identical": 2}
    assert (account.sources, account.identical) == (1, 0)


def test_sources_that_no_text_can_match_are_kept_and_counted():
    account = Account()
    assert ranked([Entry("#aaa", "x"), Entry("a", "ein")], account)[0] == Entry("#aaa", "x", 1.0)
    assert account.unmatchable == 1


def read(*lines, languages=("de",), **how):
    dictionary = Dictionary("en", languages, **how)
    found = [one for line in lines for one in dictionary(line)]
    dictionary.end()
    return [(entry.source, entry.target) for _, entry in found], dictionary.left_out


HOUSE = [("house", "Haus"), ("ice cream", "Eis")]


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["house Haus", "the die"], [("house", "Haus"), ("the", "die")]),
        (["house\tHaus\tn", "ice cream\tEis", "the die"], [*HOUSE, ("the", "die")]),
        (["house\tHaus\r", "ice cream\tEis\r"], HOUSE),
        (["house,Haus,noun", "ice cream,Eis"], HOUSE),
        (['"house", "Haus"', "ice cream,Eis\r"], HOUSE),
        (['house,"Haus"', '"ice ""cream""","E,is"'], [("house", "Haus"), ('ice "cream"', "E,is")]),
        (["1,000 1.000", "the die"], [("1,000", "1.000"), ("the", "die")]),
        (
            ['{"word": "house", "lang_code": "en", "translations": [{"code":"de","word":"Haus"}]}'],
            HOUSE[:1],
        ),
    ],
)
def test_the_first_line_tells_the_format(lines, expected):
    assert read(*lines) == (expected, {"de": {}})


def test_a_file_that_is_called_csv_is_csv():
    assert read("ice cream,Eis", is_csv=True)[0] == HOUSE[1:]
    assert read("ice cream,Eis")[0] == [("ice", "cream,Eis")]


def test_a_quoted_field_may_go_on_and_a_word_with_a_line_break_is_left_out():
    lines = ['house,Haus,"a building', 'for ""people"""', '"ice', 'cream",Eis', "a\tb,c", "the,die"]
    assert read(*lines, is_csv=True) == (
        [("house", "Haus"), ("the", "die")],
        {"de": Counter(broken=2)},
    )


def test_words_with_a_tab_or_any_line_break_are_left_out_of_all_formats():
    row = '{"word": "a%sb", "lang_code": "en", "translations": [{"code": "de", "word": "c"}]}'
    lines = [row % mark for mark in (r"\t", r"\n", r"\r", r"\u2028", r"\u0085", " ")]
    assert read(*lines) == ([("a b", "c")], {"de": {"broken": 5}})
    assert read("house\tHa\u2029us", "the die") == ([("the", "die")], {"de": {"broken": 1}})


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["house"], "expected source<TAB>target or two words"),
        (["house Haus", "one two three"], "expected source<TAB>target or two words"),
        (["house,Haus", "house"], "'house', expected source,target"),
        (["house,Haus", ",Haus"], "expected source,target"),
        (["house,Haus", '"house,Haus'], "ends within a quoted field"),
        (["house,Haus", '"a"b"",c'], "expected CSV: ',' expected after"),
        (["house,Haus", '"', *["x" * 1000] * 1100], "expected an end of the quoted field"),
        (["house,Haus", '"' + "x" * 200_000 + '",y'], "expected CSV: field larger than"),
        (['{"word": "a", "lang_code": "en"}', "house Haus"], "expected a JSON object"),
    ],
)
def test_a_wrong_line_is_told(lines, problem):
    with pytest.raises(ValueError, match=problem):
        read(*lines)


def test_pairs_of_words_have_one_target_language():
    with pytest.raises(
        ValueError, match="'house Haus', expected JSONL: pairs are not of de and it"
    ):
        read("house Haus", languages=("de", "it"))
