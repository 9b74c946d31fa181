"""The switcher as Python programs use it: on strings, on records, on datasets."""

import pickle

import pytest
from datasets import Dataset

from cstool.codeswitch import Switcher
from cstool.errors import CstoolError
from cstool.records import Example, Text

TEXT = "The house by the river is red. " * 5


@pytest.fixture
def switcher():
    return Switcher.load("wiki", ["de", "ru"], ratio=0.5, seed=3)


def test_strings(switcher):
    assert switcher(TEXT, "1") == switcher.switch(Text("1", TEXT)).text
    assert switcher(TEXT, "2") != switcher(TEXT, "1") != TEXT
    assert "Haus" in Switcher.load("wiki", ["de"], ratio=1)(TEXT)


def test_settings_are_passed_on():
    assert Switcher.load("wiki", {"de": 1.0}, ratio=1, protect="house|river|red")(TEXT) != TEXT
    made = Switcher.load("wiki", {"de": 1.0, "en": 1.0}, ratio=1, per="text")
    german = [made(TEXT, str(number)) != TEXT for number in range(30)]
    assert any(german)
    assert not all(german)
    with pytest.raises(CstoolError, match="no xx in this lexicon"):
        Switcher.load("wiki", ["xx"])


def test_all_records_at_once_or_one_by_one(switcher):
    records = [Example(f"q{n}", TEXT, "p", TEXT, 1) for n in range(5)] + [Text("q1", TEXT)]
    made = switcher.records(records, with_sides=True)
    assert [new for new, _ in made] == [switcher.switch(record) for record in records]
    assert [sides for _, sides in made] == [switcher.sides(record) for record in records]
    assert list(made[0][1]) == ["query", "passage"]


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_dataset_of_examples(switcher, size, tmp_path):
    rows = [
        {"qid": f"q{n}", "query": TEXT, "pid": "p", "passage": TEXT, "label": n % 2, "copy": n}
        for n in range(7)
    ]
    made = Dataset.from_list(rows).map(switcher.columns, batched=True, batch_size=size)
    for row, new in zip(rows, made, strict=True):
        record = Example(*list(row.values())[:5], {"copy": row["copy"]})
        expected = switcher.switch(record)
        assert (new["query"], new["passage"]) == (expected.query, expected.passage)
        assert (new["qid"], new["label"]) == (row["qid"], row["label"])


def test_a_dataset_of_queries(switcher):
    made = Dataset.from_list([{"id": str(n), "text": TEXT} for n in range(3)]).map(
        switcher.columns, batched=True
    )
    assert made["text"][2] == switcher(TEXT, "2")
    with pytest.raises(CstoolError, match="no column id: chance depends on the ids"):
        switcher.columns({"text": [TEXT]})


@pytest.mark.parametrize(
    ("more", "problem"),
    [
        ({"ratio": 5.0}, "expected numbers from 0 to 1"),
        ({"ratio": float("nan")}, "expected numbers from 0 to 1"),
        ({"keep_english": -1}, "expected numbers from 0 to 1"),
        ({"per": "sentence"}, "per is 'sentence', expected span or text"),
        ({"choice": "x"}, "choice is 'x', expected best or weighted"),
        ({"ratio_of": "x"}, "ratio_of is 'x', expected matched or all"),
        ({"protect": "("}, "'\\(' is no regular expression"),
        ({"languages": {"de": 0.0}}, "query: expected weights above 0"),
    ],
)
def test_settings_that_mean_nothing(more, problem):
    with pytest.raises(CstoolError, match=problem):
        Switcher.load("wiki", **{"languages": ["de"], **more})


def test_what_is_switched_already_is_refused(switcher):
    marked = Example("q", TEXT, "p", TEXT, 1, {"switched": {}})
    with pytest.raises(CstoolError, match="q with p is switched and marked already"):
        switcher.switch(marked)


def test_an_epoch_is_the_copy_of_the_next_number(switcher):
    plain = Example("q", TEXT, "p", TEXT, 1)
    for epoch in range(3):
        [(made, _)] = switcher.records([plain], epoch=epoch)
        copy = switcher.switch(Example("q", TEXT, "p", TEXT, 1, {"copy": epoch + 1}))
        assert (made.query, made.passage) == (copy.query, copy.passage)


def test_what_it_remembers_is_not_part_of_it(switcher):
    """datasets knows a mapping that it has done by its pickle; Ray sends it to other machines."""
    fresh = pickle.dumps(switcher)
    switcher(TEXT, "1")
    assert pickle.dumps(switcher) == fresh
    assert pickle.loads(fresh)(TEXT, "1") == switcher(TEXT, "1")


def test_the_digest_knows_what_matters(switcher):
    assert switcher.digest() == Switcher.load("wiki", ["de", "ru"], ratio=0.5, seed=3).digest()
    others = [
        Switcher.load("wiki", ["de"], ratio=0.5, seed=3),
        Switcher.load("wiki", ["de", "ru"], ratio=0.4, seed=3),
        Switcher.load("wiki", ["de", "ru"], ratio=0.5, seed=4),
        Switcher.load("wiki", ["de", "ru"], ratio=0.5, seed=3, per="text"),
    ]
    assert len({each.digest() for each in [switcher, *others]}) == 5
