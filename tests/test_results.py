from pathlib import Path

import pytest

from cstool.changes import changes
from cstool.errors import CstoolError
from cstool.results import ALL, Cell, Column, Listing, Results, Row, Table, from_json, to_json
from cstool.significance import Interval

DE, GROUP = Column("en", "de"), Column("CLIR", ALL)
FULL = Cell(0.5, 0.01, 0.02, Interval(0.4, 0.6), 0.1, Interval(0.05, 0.15), 0.01, 0.04, 0.001, 0.2)


def results(cells, measure="mrr", baseline="a", qrels="00"):
    rows = [
        Row("chance", {DE: Cell(1 / 3)}, {DE: {"-": 1 / 3}}, reference=True),
        Row("b", cells, {DE: {"1": 0.4, "2": 0.6}}),
    ]
    table = Table(measure, [DE, GROUP], rows, baseline, ["A note."], True)
    return Results([table], [Listing("an analysis", ["x"], [["1"]], ["Why."])], {"q.tsv": qrels})


def test_what_is_written_is_read_back_in_full():
    found = results({DE: FULL, GROUP: Cell(0.1 + 0.2)})
    assert from_json(to_json(found), Path("x.json")) == found


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"{}", b"q 0 p 1", b'{"form": "cstool evaluate"}',
     b'{"form": "cstool evaluate", "qrels": {}, "listings": [], "tables": [{"measure": 1}]}'],
)  # fmt: skip
def test_other_json_is_told_as_such(content):
    with pytest.raises(CstoolError, match=r"^x\.json: expected what `cstool evaluate -o x\.json`"):
        from_json(content, Path("x.json"))


@pytest.mark.parametrize(
    ("cell", "better", "mark"),
    [
        (Cell(0.5), False, ""),
        (Cell(0.5, corrected=0.049, difference=0.1), True, "*"),
        (Cell(0.5, corrected=0.05, difference=0.1), False, ""),
        (Cell(0.5, corrected=0.01, difference=-0.1, not_worse=0.01), False, "*~"),
        (Cell(0.5, corrected=0.01, difference=0.1, not_worse=0.01), True, "*"),
        (Cell(0.5, corrected=0.9, difference=0.0, not_worse=0.01, equivalent=0.02), False, "="),
        (Cell(0.5, corrected=0.9, difference=0.0, not_worse=0.06, equivalent=0.06), False, ""),
    ],
)
def test_marks(cell, better, mark):
    assert (cell.better, cell.mark) == (better, mark)


def test_best_is_as_shown_and_no_reference():
    rows = [Row("oracle", {DE: Cell(1.0)}, {}, reference=True)]
    rows += [
        Row(name, {DE: Cell(value)}, {}) for name, value in (("a", 0.5004), ("b", 0.5), ("c", 0.4))
    ]
    table = Table("mrr", [DE], rows)
    assert [row.system for row in rows if table.is_best(row, DE)] == ["a", "b"]
    assert not table.is_best(rows[1], GROUP)
    assert not Table("mrr", [DE], rows[:2]).is_best(rows[1], DE)  # the best of one


def test_changes():
    old = results({DE: FULL, GROUP: Cell(0.25)})
    new = results({DE: Cell(0.5004, 0.5, 0.9, difference=0.1)}, baseline="b", qrels="11")
    found = changes(old, new, "old.json")
    assert found.title == "changes since old.json"
    assert found.rows == [
        ["mrr", "b", "en-de", "0.500*", "0.500", "+0.000"],
        ["mrr", "b", "CLIR", "0.250", "-", "-"],
    ]
    assert found.notes == [
        "1 cells are the same, to 3 digits and in their marks.",
        "The qrels are others than before.",
        "The baseline was a and is b.",
    ]
    nothing = changes(old, old, "old.json")
    assert (nothing.rows, nothing.notes) == (
        [],
        ["3 cells are the same, to 3 digits and in their marks."],
    )
