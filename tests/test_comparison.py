import random
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_rel

from cstool.comparison import ALL, Column, compare
from cstool.errors import CstoolError
from cstool.evaluate import Evaluation, Judgements
from cstool.measures import parse
from cstool.records import Hit, Qrel
from cstool.runfiles import RunFile

QIDS = [f"q{i}" for i in range(20)]


def evaluated(ranks, measures=("mrr",)):
    """Evaluate runs that put the relevant passage of each query at a given rank: {name: ranks}."""
    judged = Judgements.of(Qrel(qid, "right", 1) for qid in QIDS[: len(next(iter(ranks.values())))])
    evaluation = Evaluation(judged, [parse(name) for name in measures])
    for (system, pair, seed), places in ranks.items():
        hits = [
            Hit(qid, "right" if rank == place else f"p{rank}", -float(rank))
            for qid, place in zip(judged.qids, places, strict=True)
            for rank in range(1, 6)
        ]
        evaluation.add(RunFile(Path("x"), system, *pair.split("-"), seed), hits)
    return evaluation


def cells(table, system):
    [row] = [row for row in table.rows if row.system == system]
    return {column.title: cell.value for column, cell in row.cells.items()}


def test_groups():
    pairs = [("de", "de"), ("en", "de"), ("xx6", "de"), ("xx", "xx"), ("-", "-"), ("MoIR", ALL)]
    groups = [Column(*pair).group for pair in pairs]
    assert groups == ["MoIR", "CLIR", "MLIR", "MLIR", None, None]


def test_means_over_seeds_then_pairs():
    [table] = compare(
        evaluated(
            {
                ("ml", "en-de", "1"): [1, 2],  # .75
                ("ml", "en-de", "2"): [2, 4],  # .375
                ("ml", "de-en", "1"): [1, 1],  # 1
                ("ml", "en-en", "1"): [5, 5],  # .2
                ("ml", "en-xx6", "1"): [4, 4],  # .25
            }
        ),
        candidates="its hits",
    )
    titles = ["en-en", "de-en", "en-de", "en-xx6", "MoIR", "CLIR", "MLIR"]
    assert [column.title for column in table.columns] == titles
    values = [0.2, 1.0, 0.5625, 0.25, 0.2, (1 + 0.5625) / 2, 0.25]
    assert list(cells(table, "ml").values()) == pytest.approx(values)
    # Five candidates, the right one among them: 1/1 + ... + 1/5 over 5.
    assert list(cells(table, "chance").values()) == pytest.approx([137 / 300] * 7)
    assert list(cells(table, "oracle").values()) == [1.0] * 7
    assert [row.system for row in table.rows] == ["chance", "ml", "oracle"]
    assert [row.seeds for row in table.rows] == ["-", "1-2", "-"]
    assert table.rows[1].by_seed[Column("en", "de")] == {"1": 0.75, "2": 0.375}
    assert "Averaged over 1-2 seeds." in table.notes[1]


def test_no_mean_over_different_pairs():
    [table] = compare(
        evaluated({("a", "en-de", "1"): [1], ("a", "en-ru", "1"): [2], ("b", "en-ru", "1"): [1]}),
        candidates="its hits",
    )
    assert cells(table, "a") == {"en-de": 1.0, "en-ru": 0.5, "CLIR": 0.75}
    assert cells(table, "b") == {"en-ru": 1.0}


def test_no_group_where_languages_are_not_known():
    evaluation = Evaluation(Judgements.of([Qrel("q", "p", 1)]), [parse("mrr")])
    evaluation.add(RunFile(Path("x"), "run"), [Hit("q", "p", 1.0)])
    [table] = compare(evaluation, candidates="its hits")
    assert [column.title for column in table.columns] == ["value"]
    assert table.notes[1] == "One seed each."


def test_tests_are_on_queries_averaged_over_seeds_and_pairs():
    draw = random.Random(1)
    names = [(s, f"en-{lang}", seed) for s in "abc" for lang in ("de", "ru") for seed in "12"]
    ranks = {name: [draw.randint(1, 3 + 2 * (name[0] == "b")) for _ in QIDS] for name in names}
    [table] = compare(evaluated(ranks), baseline="a", candidates="its hits")

    def averaged(system, languages):
        return np.mean(
            [1 / np.array(ranks[system, f"en-{x}", seed]) for x in languages for seed in "12"],
            axis=0,
        )

    rows = {row.system: row for row in table.rows}
    for system in "bc":
        for title, languages in (("en-de", ["de"]), ("en-ru", ["ru"]), ("CLIR", ["de", "ru"])):
            [cell] = [c for column, c in rows[system].cells.items() if column.title == title]
            p = ttest_rel(averaged(system, languages), averaged("a", languages)).pvalue
            assert cell.p == pytest.approx(p)
            assert cell.corrected == pytest.approx(min(1, 6 * p))
            assert cell.significant == (6 * p < 0.05)
    assert {cell.significant for row in table.tested for cell in row.cells.values()} == {
        True,
        False,
    }
    assert [row.system for row in table.tested] == ["b", "c"]
    assert "Bonferroni over 6 tests" in table.notes[-1]


def test_family_is_counted_per_measure_and_only_where_both_have_values():
    ranks = {("a", "en-de", "1"): [1, 2], ("b", "en-de", "1"): [2, 1], ("b", "en-ru", "1"): [1, 1]}
    tables = compare(evaluated(ranks, ["mrr", "map"]), baseline="a", candidates="its hits")
    assert ["over 1 tests" in table.notes[-1] for table in tables] == [True, True]
    assert [cell.p for cell in tables[0].rows[2].cells.values()] == [1.0, None, None]


def test_chance_can_be_the_baseline():
    [table] = compare(evaluated({("a", "en-de", "1"): [5, 5]}), baseline="chance", candidates="")
    assert [row.system for row in table.tested] == ["a"]


def test_unknown_baseline_names_what_there_is():
    with pytest.raises(CstoolError, match=r"no system 'c' .*; there are chance, a, b, oracle"):
        compare(
            evaluated({("a", "en-de", "1"): [1], ("b", "en-de", "1"): [1]}),
            baseline="c",
            candidates="",
        )
