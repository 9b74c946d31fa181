import pytest

from cstool import groups
from cstool.errors import CstoolError
from cstool.pairs import parse_pairs

PAPER = parse_pairs("paper")


def names(found):
    return {group.name: ["-".join(pair) for pair in group.pairs] for group in found}


def test_kinds_of_the_paper():
    found = names(groups.kinds(PAPER))
    assert list(found) == ["MoIR", "CLIR", "MLIR"]
    assert [len(pairs) for pairs in found.values()] == [6, 9, 3]
    assert names(groups.kinds([("en", "de"), ("-", "-")])) == {"CLIR": ["en-de"]}


def test_seen_and_unseen():
    pairs = [("en", "de"), ("fr", "en"), ("xx6", "en"), ("xx14", "en"), ("-", "-")]
    assert names(groups.seen(pairs)) == {
        "seen": ["en-de", "xx6-en"],
        "unseen": ["fr-en", "xx14-en"],
    }
    assert names(groups.seen(pairs, ["fr", "en"]))["seen"] == ["fr-en"]
    assert names(groups.seen(PAPER)) == {"seen": ["-".join(pair) for pair in PAPER]}
    assert set(names(groups.seen(parse_pairs("paper-unseen")))) == {"unseen"}


def test_scripts():
    """Cross-lingual pairs alone: a monolingual one has the same script anyway."""
    found = names(groups.scripts([*PAPER, ("zh_hant", "zh"), ("ur", "ar"), ("ja", "zh")]))
    assert found == {
        "same script": ["en-de", "en-it", "de-it", "de-nl", "zh_hant-zh", "ur-ar"],
        "distant script": ["en-ar", "en-ru", "de-ru", "ar-it", "ar-ru", "ja-zh"],
    }
    with pytest.raises(CstoolError, match="the script of 'tlh' is not known"):
        groups.scripts([("tlh", "en")])


def test_own_groups():
    pairs = [("en", "it"), ("en", "de")]
    found = groups.own(pairs, {"Romance": ["en-it", "en-es"], "all": ["paper"]})
    assert names(found)["Romance"] == ["en-it", "en-es"]
    assert len(names(found)["all"]) == 18
    with pytest.raises(CstoolError, match="group 'x': none of its pairs has a run"):
        groups.own(pairs, {"x": ["de-en"]})
    with pytest.raises(CstoolError, match="group 'x': 'german' is no pair of languages"):
        groups.own(pairs, {"x": ["german"]})
