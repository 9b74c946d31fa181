"""The page: templates filled in, with everything that comes from data escaped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import orjson

from cstool import __version__
from cstool.looks import is_number, parts, shown_value
from cstool.report import pictures
from cstool.report.pictures import Curve
from cstool.report.samples import Sample
from cstool.results import Column, Listing, Results, Row, Table
from cstool.significance import CONFIDENCE

if TYPE_CHECKING:
    from jinja2 import Environment

_SAFE = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}


@dataclass(frozen=True)
class Content:
    """What stands on a page besides the results; parts that are empty are left out."""

    title: str = "Evaluation"
    browser: Mapping[str, Any] | None = None
    samples: Mapping[str, Sequence[Sample]] = field(default_factory=dict)
    losses: Mapping[str, Curve] = field(default_factory=dict)


@dataclass(frozen=True)
class _Shown:
    """A cell of a table on the page: how it looks, what it is sorted by if not by that, a hint."""

    text: str
    key: float | None = None
    best: bool = False
    mark: str = ""
    hint: str = ""


@dataclass(frozen=True)
class _Part:
    """One block of a table on the page."""

    title: str
    columns: Sequence[Column]  # groups first: they are what there is to say
    groups: int
    rows: Sequence[tuple[Row, Sequence[_Shown]]]


def page(results: Results, content: Content) -> str:
    """Write the whole page as HTML that needs nothing but itself."""
    first = results.tables[0]
    drawn = {
        "groups": pictures.groups(first),
        "heat": pictures.heat_maps(first),
        "curves": pictures.ratios(first) + pictures.training(content.losses),
    }
    ready = iter(pictures.inlined([one for found in drawn.values() for one in found]))
    shown = {name: [next(ready) for _ in found] for name, found in drawn.items()}
    folder = files(__package__)
    return (
        _environment()
        .from_string(folder.joinpath("page.html").read_text(encoding="utf-8"))
        .render(
            title=content.title,
            version=__version__,
            tables=[(table, _parts(table)) for table in results.tables],
            summary=_summary(results),
            pictures=shown,
            listings=[(one, _numbers(one)) for one in results.listings],
            samples=content.samples,
            scripts=_scripts(content.samples),
            browser=_embedded(content.browser) if content.browser else None,
            data=content.browser,
            style=folder.joinpath("page.css").read_text(encoding="utf-8"),
            script=folder.joinpath("page.js").read_text(encoding="utf-8"),
        )
    )


def _environment() -> "Environment":
    from jinja2 import Environment, StrictUndefined

    return Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )


def _embedded(data: Mapping[str, Any]) -> str:
    """Write JSON that no HTML reader can take for anything else: it holds no < and no &."""
    text = orjson.dumps(data).decode()
    for sign, escape in _SAFE.items():
        text = text.replace(sign, escape)
    return text


def _summary(results: Results) -> list[tuple[str, str]]:
    table = results.tables[0]
    systems = [row for row in table.rows if not row.reference]
    pairs = [column for column in table.columns if not column.is_group]
    runs = sum(len(seeds) for row in systems for seeds in row.by_seed.values())
    found = [
        ("systems", str(len(systems))),
        ("runs", str(runs)),
        ("language pairs", str(len(pairs)) if pairs else "in groups"),
        ("measures", ", ".join(one.measure for one in results.tables)),
    ]
    return found + ([("baseline", table.baseline)] if table.baseline else [])


def _parts(table: Table) -> list[_Part]:
    columns = sorted(table.columns, key=lambda column: not column.is_group)
    groups = sum(column.is_group for column in columns)
    found = []
    for title, rows, show in parts(table):
        values = title == table.measure
        cells = [
            (
                row,
                [_cell(table, row, one, show(one, row.cells.get(one)), values) for one in columns],
            )
            for row in rows
        ]
        found.append(_Part(title, columns, groups if groups < len(columns) else 0, cells))
    return found


def _cell(table: Table, row: Row, column: Column, text: str, values: bool) -> _Shown:
    cell = row.cells.get(column)
    if cell is None:
        return _Shown("–")
    if not values:
        return _Shown(text.strip())
    hint = []
    if cell.interval:
        hint.append(f"{CONFIDENCE} interval {cell.interval.low:.3f} to {cell.interval.high:.3f}")
    if cell.difference is not None:
        hint.append(f"{cell.difference:+.3f} to {table.baseline}")
    if cell.corrected is not None:
        hint.append(f"p = {cell.corrected:.3g} after correction")
    return _Shown(
        shown_value(cell), cell.value, table.is_best(row, column), cell.mark, ", ".join(hint)
    )


def _numbers(one: Listing) -> list[bool]:
    """Tell which columns of a plain table hold numbers alone."""
    return [all(is_number(row[place]) for row in one.rows) for place in range(len(one.header))]


def _scripts(samples: Mapping[str, Sequence[Sample]]) -> list[str]:
    found = {
        piece.script
        for some in samples.values()
        for sample in some
        for piece in (*sample.query, *sample.passage)
        if piece.source is not None and piece.script
    }
    return sorted(found)
