"""What an evaluation found, as tables in memory and as JSON that can be read back.

From the same numbers come all formats of tables, the report, and the comparison with older ones.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from cstool import __version__
from cstool.errors import CstoolError
from cstool.groups import Pair
from cstool.runfiles import UNKNOWN
from cstool.significance import ALPHA, Interval

ALL = "all"  # stands where a mean was taken: over passage languages, seeds or queries
MISSING = "-"


@dataclass(frozen=True, order=True)
class Column:
    """A language pair, or the mean over a group of them (`query_lang` is its name)."""

    query_lang: str
    passage_lang: str

    @property
    def title(self) -> str:
        """Name the column: en-de, MoIR, or `value` where the languages are not known."""
        if self.query_lang == UNKNOWN:
            return "value"
        return self.query_lang if self.is_group else "-".join(self.pair)

    @property
    def is_group(self) -> bool:
        """Tell whether a mean over pairs stands here."""
        return self.passage_lang == ALL

    @property
    def pair(self) -> Pair:
        """Give both languages."""
        return self.query_lang, self.passage_lang


@dataclass(frozen=True)
class Cell:
    """A mean over queries, and what is known about its difference to the baseline.

    `p` tests the difference, `corrected` is the same for the whole family; `detectable` is the
    smallest difference that this test would mostly have found. `not_worse` and `equivalent` are
    corrected p as well, those of tests against a margin. `deviation` is that of the seeds' means.
    """

    value: float
    p: float | None = None
    corrected: float | None = None
    interval: Interval | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    deviation: float | None = None
    detectable: float | None = None
    not_worse: float | None = None
    equivalent: float | None = None

    @property
    def significant(self) -> bool:
        """Tell whether the difference to the baseline is significant after correction."""
        return self.corrected is not None and self.corrected < ALPHA

    @property
    def better(self) -> bool:
        """Tell whether the value is significantly above the baseline's, after correction."""
        return self.significant and self.difference is not None and self.difference > 0

    @property
    def mark(self) -> str:
        """Sum up the tests: * differs, = is equivalent, ~ is not worse (nor better)."""
        against = ""
        if self.equivalent is not None and self.equivalent < ALPHA:
            against = "="
        elif self.not_worse is not None and self.not_worse < ALPHA and not self.better:
            against = "~"
        return ("*" if self.significant else "") + against


@dataclass(frozen=True)
class Row:
    """One system, or a reference; `by_seed` has the mean over queries of every single run."""

    system: str
    cells: Mapping[Column, Cell]
    by_seed: Mapping[Column, Mapping[str, float]]
    reference: bool = False

    @property
    def seeds(self) -> str:
        """Give the number of seeds, as a range if pairs differ in it."""
        if self.reference:
            return MISSING
        counts = sorted({len(seeds) for seeds in self.by_seed.values()})
        return str(counts[0]) if len(counts) == 1 else f"{counts[0]}-{counts[-1]}"


@dataclass(frozen=True)
class Table:
    """All systems under one measure, and what one has to know to read it."""

    measure: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    baseline: str | None = None
    notes: Sequence[str] = field(default_factory=list)
    intervals: bool = False

    @property
    def tested(self) -> list[Row]:
        """Give the rows that were tested against the baseline."""
        return [row for row in self.rows if any(c.p is not None for c in row.cells.values())]

    def is_best(self, row: Row, column: Column) -> bool:
        """Tell whether no system (references do not count) has more in a column, as shown."""
        if row.reference or column not in row.cells:
            return False
        rivals = [one for one in self.rows if not one.reference and column in one.cells]
        shown = [round(one.cells[column].value, 3) for one in rivals]
        return len(shown) > 1 and round(row.cells[column].value, 3) == max(shown)


@dataclass(frozen=True)
class Listing:
    """A plain table, such as an analysis: a title, a header, rows of text, notes."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Results:
    """All tables of an evaluation; `qrels` are the digests of the judgements, by path."""

    tables: Sequence[Table]
    listings: Sequence[Listing] = ()
    qrels: Mapping[str, str] = field(default_factory=dict)


_FORM = "cstool evaluate"  # tells our JSON from that of others
_INTERVALS = ("interval", "difference_interval")
_NUMBERS = (
    *("value", "p", "corrected", "difference", "deviation", "detectable"),
    *("not_worse", "equivalent"),
)


def to_json(results: Results) -> bytes:
    """Write results as JSON, every number in full."""
    document = {
        "form": _FORM,
        "version": __version__,
        "qrels": dict(results.qrels),
        "tables": [
            {
                "measure": table.measure,
                "baseline": table.baseline,
                "intervals": table.intervals,
                "notes": list(table.notes),
                "columns": [column.pair for column in table.columns],
                "rows": [
                    {
                        "system": row.system,
                        "reference": row.reference,
                        "cells": [
                            {"column": column.pair, **_plain(cell)}
                            for column, cell in row.cells.items()
                        ],
                        "seeds": [
                            {"column": column.pair, "values": dict(seeds)}
                            for column, seeds in row.by_seed.items()
                        ],
                    }
                    for row in table.rows
                ],
            }
            for table in results.tables
        ],
        "listings": [
            {"title": one.title, "header": one.header, "rows": one.rows, "notes": one.notes}
            for one in results.listings
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def from_json(content: bytes, path: Path) -> Results:
    """Read what `to_json` wrote; CstoolError, which names the file, for anything else."""
    try:
        document = orjson.loads(content)
        if not isinstance(document, dict) or document.get("form") != _FORM:
            raise ValueError
        return Results(
            [_table(table) for table in document["tables"]],
            [Listing(**one) for one in document["listings"]],
            document["qrels"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CstoolError(
            f"{path}: expected what `cstool evaluate -o {path.stem}.json` writes"
        ) from error


def _plain(cell: Cell) -> dict[str, Any]:
    """Turn a cell into JSON; what it does not have is left out."""
    found: dict[str, Any] = {name: getattr(cell, name) for name in _NUMBERS}
    for name in _INTERVALS:
        interval = getattr(cell, name)
        found[name] = interval and [interval.low, interval.high]
    return {name: value for name, value in found.items() if value is not None}


def _table(table: Mapping[str, Any]) -> Table:
    return Table(
        table["measure"],
        [Column(*pair) for pair in table["columns"]],
        [_row(row) for row in table["rows"]],
        table["baseline"],
        table["notes"],
        table["intervals"],
    )


def _row(row: Mapping[str, Any]) -> Row:
    cells = {}
    for found in row["cells"]:
        numbers: dict[str, Any] = {name: found.get(name) for name in _NUMBERS}
        intervals = {name: found.get(name) and Interval(*found[name]) for name in _INTERVALS}
        cells[Column(*found["column"])] = Cell(**numbers | intervals)
    seeds = {Column(*found["column"]): found["values"] for found in row["seeds"]}
    return Row(row["system"], cells, seeds, row["reference"])
