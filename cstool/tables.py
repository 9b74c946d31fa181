"""Tables of results as text for people, Markdown for documents, TSV and JSON for programs."""

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import orjson

from cstool import files, formats, latex
from cstool.looks import LEFT, Show, is_number, parts
from cstool.records import Score
from cstool.results import ALL, MISSING, Cell, Column, Listing, Results, Row, Table, to_json
from cstool.significance import Interval

WIDTH = 120  # where nothing has a width: the same text in every file and every pipe
_TSV_HEADER = (
    *(*formats.SCORE_COLUMNS, "p", "p_corrected"),
    *("low", "high", "difference", "difference_low", "difference_high"),
    *("deviation", "detectable", "p_not_worse", "p_equivalent"),
)


def text(tables: Iterable[Table], width: int = WIDTH, *, bold: bool = False) -> Iterator[str]:
    """Draw tables for a screen; one that is too wide is cut into blocks of columns.

    `bold` is for terminals: it sets off the best system of every column.
    """
    for table in tables:
        for title, rows, show in parts(table):
            yield title
            best = table if bold and title == table.measure else None
            for columns in _blocks(table.columns, rows, show, width):
                yield from _drawn(columns, rows, show, best)
        yield from _wrapped(table.notes, width)
        yield ""


def markdown(tables: Iterable[Table]) -> Iterator[str]:
    """Write tables for a document."""
    for table in tables:
        for title, rows, show in parts(table):
            yield f"**{title}**"
            yield ""
            yield _piped([*LEFT, *(column.title for column in table.columns)])
            yield _piped(["---", *(["---:"] * (1 + len(table.columns)))])
            for row in rows:
                cells = [show(column, row.cells.get(column)) for column in table.columns]
                yield _piped([row.system, row.seeds, *cells])
            yield ""
        for note in table.notes:
            yield re.sub(r"([*~])", r"\\\1", note)
            yield ""


def tsv(tables: Iterable[Table]) -> Iterator[str]:
    """Write one value per line: every run, then the means over seeds and over groups of pairs.

    The columns are those of a Score, and for a mean over seeds the p of its difference to the
    baseline, as tested and as corrected, the interval of the mean, the difference, and the interval
    of the difference. `all` stands where a mean was taken.
    """
    yield "\t".join(_TSV_HEADER)
    for table in tables:
        for row in table.rows:
            for column in table.columns:
                for seed, value in row.by_seed.get(column, {}).items():
                    yield _line(table, row, column, seed, Cell(value))
                if column in row.cells:
                    yield _line(table, row, column, ALL, row.cells[column])


FORMATS: Mapping[str, Callable[[Sequence[Table]], Iterator[str]]] = {
    "table": text,
    "tsv": tsv,
    "markdown": markdown,
    "latex": latex.tables,
}
SUFFIXES = {".tsv": "tsv", ".md": "markdown", ".json": "json", ".tex": "latex"}


def document(
    results: Results, format: str, *, width: int = WIDTH, bold: bool = False
) -> Iterator[str]:
    """Write all tables and listings; TSV has no room for listings, which are left out there."""
    if format == "json":
        yield from to_json(results).decode().splitlines()
        return
    if format == "table":
        yield from text(results.tables, width, bold=bold)
    else:
        yield from FORMATS[format](results.tables)
    for one in results.listings if format != "tsv" else ():
        yield from _titled(one, format, width)


def format_of(path: Path) -> str:
    """Tell from the name of a file how its tables are written."""
    return SUFFIXES.get(Path(path.name.removesuffix(".gz")).suffix, "table")


def width_of(path: Path) -> int:
    """Give the width of the terminal if that is where tables are written to."""
    if is_screen(path):
        return shutil.get_terminal_size().columns
    return WIDTH


def is_screen(path: Path) -> bool:
    """Tell whether what is written there appears on a terminal."""
    return path == files.STDIO and sys.stdout.isatty()


def scores(values: Iterable[Score]) -> Iterator[str]:
    """Write values per query as TSV with a header."""
    yield "\t".join(formats.SCORE_COLUMNS)
    yield from map(formats.format_score, values)


def listing(format: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write a plain table in one of the formats; columns of numbers are flush right."""
    if format == "tsv":
        yield from map("\t".join, [header, *rows])
        return
    if format == "json":
        found = [dict(zip(header, row, strict=True)) for row in rows]
        yield from orjson.dumps(found, option=orjson.OPT_INDENT_2).decode().splitlines()
        return
    numbers = [all(is_number(row[column]) for row in rows) for column in range(len(header))]
    if format == "markdown":
        yield _piped(header)
        yield _piped(["---:" if number else "---" for number in numbers])
        yield from map(_piped, rows)
    elif format == "latex":
        yield from latex.tabular(header, rows, numbers)
    else:
        yield from _grid([(name, numbers[column]) for column, name in enumerate(header)], rows)


def _titled(one: Listing, format: str, width: int) -> Iterator[str]:
    """Write a listing with its title and its notes."""
    if format == "latex":
        yield from latex.listing(one)
        return
    yield f"**{one.title}**" if format == "markdown" else one.title
    if format == "markdown":
        yield ""
    yield from listing(format, one.header, one.rows)
    yield ""
    if format == "markdown":
        yield from (line for note in one.notes for line in (note, ""))
    else:
        yield from _wrapped(one.notes, width)
        yield ""


def _wrapped(notes: Iterable[str], width: int) -> Iterator[str]:
    for note in notes:
        yield from textwrap.wrap(note, width)


def _blocks(
    columns: Sequence[Column], rows: Sequence[Row], show: Show, width: int
) -> Iterator[Sequence[Column]]:
    gap = len("  ")
    left = sum(
        gap + max(map(len, names))
        for names in (
            ["system", *(row.system for row in rows)],
            ["seeds", *(row.seeds for row in rows)],
        )
    )
    block: list[Column] = []
    used = left
    for column in columns:
        cells = [len(show(column, row.cells.get(column))) for row in rows]
        size = gap + max(len(column.title), *cells)
        if block and used + size > width:
            yield block
            block, used = [], left
        block.append(column)
        used += size
    yield block


def _drawn(
    columns: Sequence[Column], rows: Sequence[Row], show: Show, best: Table | None
) -> Iterator[str]:
    header = [(name, name != "system") for name in LEFT]
    header += [(column.title, True) for column in columns]
    drawn, bold = [], set()
    for number, row in enumerate(rows):
        cells = [show(column, row.cells.get(column)) for column in columns]
        drawn.append([row.system, row.seeds, *cells])
        for place, column in enumerate(columns, start=len(LEFT)):
            if best is not None and best.is_best(row, column):
                bold.add((number, place))
    yield from _grid(header, drawn, bold)
    yield ""


def _grid(
    header: Sequence[tuple[str, bool]],
    rows: Sequence[Sequence[str]],
    bold: Container[tuple[int, int]] = (),
) -> Iterator[str]:
    """Draw a table; `header` has the names of the columns, and whether they are flush right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawing
    from rich.text import Text

    drawing = Drawing(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name, right in header:
        drawing.add_column(name, no_wrap=True, justify="right" if right else "left")
    for number, row in enumerate(rows):
        looks = ["bold" if (number, place) in bold else "" for place in range(len(row))]
        drawing.add_row(*map(Text, row, looks))
    out = StringIO()
    # As wide as it takes: `_blocks` has seen to it that this is not too wide.
    colours: Any = "standard" if bold else None
    console = Console(file=out, width=10_000, color_system=colours, force_terminal=bool(bold))
    console.print(drawing)
    for line in out.getvalue().splitlines():
        if line.strip():
            yield line.rstrip()


def _piped(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.strip().replace('|', '&#124;') for cell in cells)} |"


def _line(table: Table, row: Row, column: Column, seed: str, cell: Cell) -> str:
    score = Score(
        row.system, column.query_lang, column.passage_lang, seed, table.measure, ALL, cell.value
    )
    tested = [MISSING if p is None else f"{p:.3g}" for p in (cell.p, cell.corrected)]
    difference = MISSING if cell.difference is None else f"{cell.difference:z.6f}"
    around = [*_ends(cell.interval), difference, *_ends(cell.difference_interval)]
    spread = [MISSING if x is None else f"{x:.6f}" for x in (cell.deviation, cell.detectable)]
    margins = [MISSING if p is None else f"{p:.3g}" for p in (cell.not_worse, cell.equivalent)]
    return "\t".join([formats.format_score(score), *tested, *around, *spread, *margins])


def _ends(interval: Interval | None) -> list[str]:
    if interval is None:
        return [MISSING, MISSING]
    return [f"{end:z.6f}" for end in (interval.low, interval.high)]
