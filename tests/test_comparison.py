import random
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import bootstrap, ttest_rel

from cstool import comparison, groups, legend
from cstool.comparison import Plan
from cstool.errors import CstoolError
from cstool.evaluate import Evaluation, Judgements
from cstool.measures import parse
from cstool.records import Hit, Qrel
from cstool.results import ALL, Column
from cstool.runfiles import RunFile

QIDS = [f"q{i}" for i in range(20)]


def evaluated(ranks, measures=("mrr",)):
    """Evaluate runs that put the relevant passage of each query at a given rank: {name: ranks}."""
    judged = Judgements.of(Qrel(qid, "right", 1) for qid in QIDS[: len(next(iter(ranks.values())))])
    evaluation = Evaluation(lambda pair: judged, [parse(name) for name in measures])
    for (system, pair, seed), places in ranks.items():
        hits = [
            Hit(qid, "right" if rank == place else f"p{rank}", -float(rank))
            for qid, place in zip(judged.qids, places, strict=True)
            for rank in range(1, 6)
        ]
        evaluation.add(RunFile(Path("x"), system, *pair.split("-"), seed), hits)
    return evaluation


def one_query():
    judged = Judgements.of([Qrel("q", "p", 1)])
    return Evaluation(lambda pair: judged, [parse("mrr")])


def compare(evaluation, candidates="its hits", **options):
    plan = Plan(**options)
    tables = comparison.compare(evaluation, plan)
    return legend.explained(tables, evaluation, plan, candidates=candidates)


def note(table, start):
    [found] = [note for note in table.notes if note.startswith(start)]
    return found


def cells(table, system):
    [row] = [row for row in table.rows if row.system == system]
    return {column.title: cell.value for column, cell in row.cells.items()}


def test_groups():
    pairs = [("de", "de"), ("en", "de"), ("xx6", "de"), ("xx", "xx"), ("-", "-")]
    assert [groups.kind(pair) for pair in pairs] == ["MoIR", "CLIR", "MLIR", "MLIR", None]


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
    evaluation = one_query()
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
    assert "Bonferroni over 6 tests: b, c, each in en-de, en-ru, CLIR." in note(table, "*")


def test_family_is_counted_per_measure_and_only_where_both_have_values():
    ranks = {("a", "en-de", "1"): [1, 2], ("b", "en-de", "1"): [2, 1], ("b", "en-ru", "1"): [1, 1]}
    tables = compare(evaluated(ranks, ["mrr", "map"]), baseline="a", candidates="its hits")
    assert ["over 1 tests" in note(table, "*") for table in tables] == [True, True]
    assert [cell.p for cell in tables[0].rows[2].cells.values()] == [1.0, None, None]


def test_intervals_are_over_queries_averaged_over_seeds_and_pairs():
    draw = random.Random(2)
    names = [(s, f"en-{lang}", seed) for s in "ab" for lang in ("de", "ru") for seed in "12"]
    ranks = {name: [draw.randint(1, 5) for _ in QIDS] for name in names}
    [table] = compare(evaluated(ranks), baseline="a", intervals=True, candidates="its hits")
    assert table.intervals
    group = Column("CLIR", ALL)
    ours, theirs = (
        np.mean([1 / np.array(ranks[name]) for name in names if name[0] == system], axis=0)
        for system in "ba"
    )
    rows = {row.system: row.cells for row in table.rows}
    for found, values in (
        (rows["b"][group].interval, ours),
        (rows["a"][group].interval, theirs),
        (rows["b"][group].difference_interval, ours - theirs),
    ):
        expected = bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(3))
        assert [found.low, found.high] == pytest.approx(
            list(expected.confidence_interval), abs=0.15 * expected.standard_error
        )
    for column, cell in rows["b"].items():
        assert cell.difference == cell.value - rows["a"][column].value
    # The relevant passage is always there: the best order is the same for all queries.
    assert {(cell.interval.low, cell.interval.high) for cell in rows["oracle"].values()} == {(1, 1)}
    for system in ("a", "chance", "oracle"):
        assert {(c.difference, c.difference_interval) for c in rows[system].values()} == {
            (None, None)
        }
    assert "10,000 resamples of the queries" in table.notes[-1]


def test_an_equal_system_differs_by_exactly_nothing():
    ranks = {(s, "en-de", seed): [1, 2, 5, 3] for s, seed in (("a", "1"), ("b", "1"), ("b", "2"))}
    [table] = compare(evaluated(ranks), baseline="a", intervals=True, candidates="")
    [row] = table.tested
    for cell in row.cells.values():
        between = cell.difference_interval
        assert (cell.difference, between.low, between.high) == (0.0, 0.0, 0.0)
        assert cell.interval.low < cell.value < cell.interval.high


def test_no_intervals_unless_wanted_and_none_of_one_query():
    one = {(system, "en-de", "1"): [place] for system, place in (("a", 1), ("b", 2))}
    two = {name: places * 2 for name, places in one.items()}
    for ranks, wanted, said in ((one, True, True), (one, False, False), (two, False, False)):
        [table] = compare(evaluated(ranks), baseline="a", intervals=wanted, candidates="")
        found = [cell for row in table.rows for cell in row.cells.values()]
        assert not table.intervals
        assert not any(cell.interval or cell.difference_interval for cell in found)
        assert [cell.difference for cell in table.tested[0].cells.values()] == [-0.5, -0.5]
        assert ("No 95 % intervals: there is only one query." in table.notes) == said


MIXED = {
    ("a", "en-en", "1"): [1, 2, 1],
    ("a", "en-de", "1"): [1, 2, 3],
    ("a", "en-ru", "1"): [2, 4, 1],
    ("b", "en-en", "1"): [2, 2, 4],
    ("b", "en-ru", "1"): [3, 4, 2],
}


@pytest.mark.parametrize(
    ("columns", "ours", "theirs"),
    [
        ("all", ["en-en", "en-de", "en-ru", "MoIR", "CLIR"], ["en-en", "en-ru", "MoIR"]),
        ("pairs", ["en-en", "en-de", "en-ru"], ["en-en", "en-ru"]),
        ("groups", ["MoIR", "CLIR"], ["MoIR"]),
    ],
)
def test_columns_are_what_is_shown_and_the_family_of_the_tests(columns, ours, theirs):
    def compared(**options):
        [table] = compare(evaluated(MIXED), baseline="a", candidates="", **options)
        return table, {
            (row.system, column.title): cell
            for row in table.rows
            for column, cell in row.cells.items()
        }

    (everything, all_cells), (table, found) = compared(), compared(columns=columns)
    assert [column.title for column in table.columns] == ours
    assert [title for system, title in found if system == "a"] == ours
    # A group has a mean only where all its pairs have one, shown or not.
    assert [title for system, title in found if system == "b"] == theirs
    assert all(found[key].value == all_cells[key].value for key in found)
    for title in theirs:
        cell = found["b", title]
        assert cell.p == all_cells["b", title].p
        assert cell.corrected == min(1, len(theirs) * cell.p)
    assert f"over {len(theirs)} tests" in note(table, "*")
    assert ("means over pairs" in table.notes[1]) == (columns != "pairs")
    assert [row.seeds for row in table.rows] == [row.seeds for row in everything.rows]


def test_no_groups_where_languages_are_not_known():
    evaluation = one_query()
    evaluation.add(RunFile(Path("x"), "run"), [Hit("q", "p", 1.0)])
    assert len(compare(evaluation, columns="pairs", candidates="")) == 1
    with pytest.raises(CstoolError, match="no groups: no run is named by its languages"):
        compare(evaluation, columns="groups", candidates="")


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


def test_seeds_have_a_standard_deviation():
    [table] = compare(
        evaluated(
            {
                ("a", "en-de", "1"): [1, 1],  # 1
                ("a", "en-de", "2"): [2, 2],  # .5
                ("a", "en-ru", "1"): [1, 1],  # 1
                ("a", "en-ru", "2"): [1, 2],  # .75
                ("a", "en-en", "1"): [1, 2],
            }
        )
    )
    found = {column.title: cell.deviation for column, cell in table.rows[1].cells.items()}
    # Two values: their distance over the root of two. The group's means are 1 and .625.
    expected = {"en-de": 0.5 / 2**0.5, "en-ru": 0.25 / 2**0.5, "CLIR": 0.375 / 2**0.5}
    assert {title: value for title, value in found.items() if value} == pytest.approx(expected)
    assert found["en-en"] is found["MoIR"] is None
    assert "Averaged over 1-2 seeds. ± is the standard deviation" in note(table, "MoIR, CLIR")
    assert note(table, "Missing") == (
        "Missing: a has no run of seed 2 for en-en. A group that lacks a pair has no mean."
    )


def test_named_pairs_are_the_columns_whether_there_are_runs_or_not():
    ranks = {("a", "en-de", "1"): [1, 2], ("a", "en-ru", "1"): [2, 2], ("b", "en-de", "1"): [1, 1]}
    pairs = [("en", "ru"), ("en", "de"), ("en", "it")]
    [table] = compare(evaluated(ranks), pairs=pairs)
    assert [column.title for column in table.columns] == ["en-ru", "en-de", "en-it", "CLIR"]
    assert cells(table, "a") == {"en-ru": 0.5, "en-de": 0.75}
    assert note(table, "Missing") == (
        "Missing: a has no run for en-it; b has no run for en-ru, en-it. "
        "A group that lacks a pair has no mean."
    )


def test_groups_of_ones_own():
    ranks = {("a", "en-de", "1"): [1, 1], ("a", "en-ru", "1"): [2, 2], ("a", "de-de", "1"): [4, 4]}
    named = {
        "German": ["en-de", "de-de"],
        "all": ["en-de", "en-ru", "de-de"],
        "more": ["en-de,en-it"],
    }
    [table] = compare(
        evaluated(ranks), groups=lambda pairs: groups.own(pairs, named), columns="groups"
    )
    assert cells(table, "a") == pytest.approx({"German": 1.25 / 2, "all": 1.75 / 3})
    assert note(table, "Missing").startswith("Missing: a has no run for en-it.")


def test_other_queries_in_every_language():
    """The mean of the pairs' means, with every query as a unit and none counted twice."""
    judged = {
        "de": Judgements.of([Qrel(f"q{i}", "right", 1) for i in (1, 2, 3)]),
        "ru": Judgements.of([Qrel("q3", "right", 1)]),
    }
    evaluation = Evaluation(lambda pair: judged[pair[1]], [parse("mrr")])
    for system, ranks in (("a", {"de": [1, 2, 4], "ru": [2]}), ("b", {"de": [1, 1, 1], "ru": [1]})):
        for language, places in ranks.items():
            hits = [
                Hit(qid, "right" if rank == place else f"p{rank}", -float(rank))
                for qid, place in zip(judged[language].qids, places, strict=True)
                for rank in range(1, 6)
            ]
            evaluation.add(RunFile(Path("x"), system, "en", language, "1"), hits)
    [table] = compare(evaluation, baseline="a", intervals=True)
    means = {"en-de": 1.75 / 3, "en-ru": 0.5, "CLIR": (1.75 / 3 + 0.5) / 2}
    assert cells(table, "a") == pytest.approx(means)
    # Weights 3 / (2 * 3) and 3 / (2 * 1): what every query contributes to three times the mean.
    theirs = [1 / 2, 1 / 4, 1 / 8 + 3 / 4]
    ours = [1 / 2, 1 / 2, 1 / 2 + 3 / 2]
    cell = table.rows[2].cells[Column("CLIR", ALL)]
    assert cell.p == pytest.approx(ttest_rel(ours, theirs).pvalue)
    assert cell.difference_interval.low <= cell.difference <= cell.difference_interval.high
    assert table.rows[2].cells[Column("en", "ru")].interval is None  # of one query
    assert "all 1 to 3 queries of the qrels" in table.notes[0]


def test_tests_corrections_and_margins():
    draw = random.Random(3)
    ranks = {
        (s, f"en-{x}", "1"): [draw.randint(1, 5 if s == "c" else 2) for _ in QIDS]
        for s in "abc"
        for x in ("de", "fr")
    }
    [table] = compare(
        evaluated(ranks), baseline="a", test="randomisation", correction="holm", margin=0.3
    )
    tested = [cell for row in table.tested for cell in row.cells.values()]
    assert len(tested) == 6
    smallest = min(tested, key=lambda cell: cell.p)
    assert smallest.corrected == pytest.approx(min(1, 6 * smallest.p))
    assert sum(cell.corrected for cell in tested) < sum(min(1, 6 * cell.p) for cell in tested)
    assert {cell.mark for cell in tested} <= {"", "*", "=", "~", "*=", "*~"}
    assert all(cell.equivalent >= cell.not_worse for cell in tested)
    assert "a paired randomisation test (100,000 draws of signs)" in note(table, "*")
    assert "Holm over 6 tests: b, c, each in en-de, en-fr, CLIR." in note(table, "*")
    assert note(table, "~").startswith("~ is not worse than a by 0.3 or more, = is less than that")
    assert "at 0.05 / 6 would find with probability 0.8" in note(table, "No * is no proof")


def test_an_equivalent_system_is_said_to_be_so_and_a_noisy_one_is_not():
    """Both have p > 0.05; only one of them is shown to be as good."""
    same = [1, 2, 3, 4, 5] * 4
    ranks = {
        ("a", "en-de", "1"): same,
        ("close", "en-de", "1"): [*same[:-1], 4],
        ("noisy", "en-de", "1"): [6 - rank for rank in same],
    }
    [table] = compare(evaluated(ranks), baseline="a", margin=0.05, columns="pairs")
    marks = {row.system: cell.mark for row in table.tested for cell in row.cells.values()}
    assert marks == {"close": "=", "noisy": ""}
    [noisy] = table.tested[1].cells.values()
    assert noisy.p == 1.0 and noisy.detectable > 0.2


def test_queries_without_anything_relevant_are_counted():
    judged = Judgements.of([Qrel("q1", "p", 1), Qrel("q2", "p", 0)])
    evaluation = Evaluation(lambda pair: judged, [parse("mrr")])
    evaluation.add(RunFile(Path("x"), "run"), [Hit("q1", "p", 1.0)])
    [table] = compare(evaluation)
    told = (
        "Means over all 2 queries of the qrels (to 1 of them nothing is relevant, which count 0), "
    )
    assert table.notes[0].startswith(told + "one without hits counts 0.")
    assert table.rows[1].cells[Column("-", "-")].value == 0.5
