from cstool.lexicons.dictionaries import Account, ranked
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
