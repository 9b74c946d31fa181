from pathlib import Path

import pytest

from cstool.errors import CstoolError
from cstool.results import Column, Results, Row, Table
from cstool.runfiles import RunFile
from cstool.seeds import best

DE, RU = Column("en", "de"), Column("en", "ru")


def development(by_seed):
    return Results([Table("mrr", [DE, RU], [Row("a", {}, by_seed)])])


def runs(*seeds, system="a"):
    return [RunFile(Path("x"), system, "en", "de", seed) for seed in seeds]


def test_best_over_all_pairs_and_the_first_of_equals():
    dev = development({DE: {"1": 0.5, "2": 0.4, "3": 0.4}, RU: {"1": 0.1, "2": 0.4, "3": 0.4}})
    assert best(dev, "mrr", runs("3", "2", "1")) == {"a": "2"}
    assert best(dev, "mrr", runs("1", "3")) == {"a": "3"}
    assert best(dev, "mrr", [*runs("1"), *runs("1", system="unknown")]) == {}


@pytest.mark.parametrize(
    ("by_seed", "measure", "problem"),
    [
        ({DE: {"1": 0.5}}, "mrr", "lacks seed 2 of a"),
        ({DE: {"1": 0.5, "2": 0.5}, RU: {"2": 0.5}}, "mrr", "lacks seed 1 of a"),
        ({}, "mrr", "lacks seed 1 of a"),
        ({}, "map", "has no map to choose seeds by; it has mrr"),
    ],
)
def test_what_the_development_set_lacks(by_seed, measure, problem):
    with pytest.raises(CstoolError, match=problem):
        best(development(by_seed), measure, runs("1", "2"))
