import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool.pairs import SETS, parse_pairs

LANGUAGES = st.sampled_from(["en", "de", "fil", "pt_br", "zh_hant", "xx6", "xx14", "xxall"])
PAIRS = st.lists(st.tuples(LANGUAGES, LANGUAGES), min_size=1)


@given(PAIRS)
def test_pairs_come_in_their_order_each_once(pairs):
    parsed = parse_pairs(",".join("-".join(pair) for pair in pairs))
    assert parsed == sorted(set(pairs), key=pairs.index)


def test_the_sets_of_the_paper():
    """Six monolingual, nine cross-lingual and three multilingual pairs, as in its tables."""
    pairs = parse_pairs("paper")
    mixed = [pair for pair in pairs if "xx6" in pair]
    assert pairs[0] == ("en", "en")
    assert len(pairs) == 18
    assert mixed == [("xx6", "en"), ("en", "xx6"), ("xx6", "xx6")]
    languages = {"en", "de", "it", "nl", "ru", "ar"}
    assert {query for query, passage in pairs if query == passage} == languages | {"xx6"}
    assert {language for pair in pairs for language in pair} == languages | {"xx6"}


def test_the_unseen_sets_of_the_paper():
    """Its tables on unseen languages; Japanese and Hindi are in the mixed sets alone."""
    pairs = parse_pairs("paper-unseen")
    assert len(pairs) == 18 and not set(pairs) & set(parse_pairs("paper"))
    kinds = [
        [pair for pair in pairs if "xx14" in pair],
        [pair for pair in pairs if len({*pair}) == 1],
    ]
    assert kinds[0] == [("xx14", "en"), ("en", "xx14"), ("xx14", "xx14")]
    assert [query for query, _ in kinds[1][:6]] == ["fr", "id", "es", "pt", "zh", "vi"]
    assert pairs[6:15] == [
        ("fr", "en"), ("id", "nl"), ("es", "fr"), ("en", "pt"), ("de", "vi"), ("it", "zh"),
        ("fr", "pt"), ("id", "vi"), ("pt", "zh"),
    ]  # fmt: skip


def test_a_set_stands_among_pairs():
    assert parse_pairs("es-en,paper,en-de,en-es") == [
        ("es", "en"),
        *parse_pairs("paper"),
        ("en", "es"),
    ]


@pytest.mark.parametrize(
    "name", ["", "en", "en-", "en-de-it", "EN-DE", "en_de", "en- de", "xx-6", "english-de", "Paper"]
)
def test_a_name_that_is_none(name):
    with pytest.raises(ValueError, match="is no pair of languages such as en-de") as problem:
        parse_pairs(f"en-de,{name}")
    assert repr(name) in str(problem.value)
    assert all(known in str(problem.value) for known in SETS)
