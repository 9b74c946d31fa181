"""Tables of results as text for people, Markdown for documents and TSV for programs."""

import re
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path

from cstool import files, formats
from cstool.comparison import ALL, MISSING, Cell, Column, Row, Table
from cstool.records import Score
from cstool.significance import CONFIDENCE, Interval

_NUMBER = re.compile(r"-|-?[\d.]+%?( \[[-\d., ]+\])?")
WIDTH = 120  # where nothing has a width: the same text in every file and every pipe
_LEFT = ("system", "seeds")
_TSV_HEADER = (
    *(*formats.SCORE_COLUMNS, "p", "p_corrected"),
    *("low", "high", "difference", "difference_low", "difference_high"),
)

Show = Callable[[Cell | None], str]


def text(tables: Iterable[Table], width: int = WIDTH) -> Iterator[str]:
    """Draw tables for a screen; one that is too wide is cut into blocks of columns."""
    for table in tables:
        for title, rows, show in _parts(table):
            yield title
            for columns in _blocks(table.columns, rows, show, width):
                yield from _drawn(columns, rows, show)
        for note in table.notes:
            yield from textwrap.wrap(note, width)
        yield ""


def markdown(tables: Iterable[Table]) -> Iterator[str]:
    """Write tables for a document."""
    for table in tables:
        for title, rows, show in _parts(table):
            yield f"**{title}**"
            yield ""
            yield _piped([*_LEFT, *(column.title for column in table.columns)])
            yield _piped(["---", *(["---:"] * (1 + len(table.columns)))])
            for row in rows:
                cells = [show(row.cells.get(column)) for column in table.columns]
                yield _piped([row.system, row.seeds, *cells])
            yield ""
        for note in table.notes:
            yield note.replace("*", r"\*")
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


FORMATS: dict[str, Callable[[Iterable[Table]], Iterator[str]]] = {
    "table": text,
    "tsv": tsv,
    "markdown": markdown,
}
SUFFIXES = {".tsv": "tsv", ".md": "markdown"}


def format_of(path: Path) -> str:
    """Tell from the name of a file how its tables are written."""
    return SUFFIXES.get(Path(path.name.removesuffix(".gz")).suffix, "table")


def width_of(path: Path) -> int:
    """Give the width of the terminal if that is where tables are written to."""
    if path == files.STDIO and sys.stdout.isatty():
        return shutil.get_terminal_size().columns
    return WIDTH


def scores(values: Iterable[Score]) -> Iterator[str]:
    """Write values per query as TSV with a header."""
    yield "\t".join(formats.SCORE_COLUMNS)
    yield from map(formats.format_score, values)


def listing(format: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Write a plain table in one of the FORMATS; columns of numbers are flush right."""
    if format == "tsv":
        yield from map("\t".join, [header, *rows])
        return
    columns = range(len(header))
    numbers = [all(_NUMBER.fullmatch(row[column]) for row in rows) for column in columns]
    if format == "markdown":
        yield _piped(header)
        yield _piped(["---:" if number else "---" for number in numbers])
        yield from map(_piped, rows)
        return
    yield from _grid([(name, numbers[column]) for column, name in enumerate(header)], rows)


def _parts(table: Table) -> Iterator[tuple[str, Sequence[Row], Show]]:
    """Give the blocks of a table, values first: title, rows, look of a cell."""
    yield table.measure, table.rows, _value
    if table.intervals:
        yield f"{table.measure}: {CONFIDENCE} intervals", table.rows, _interval
    if table.intervals and table.tested:
        title = f"{table.measure}: difference to {table.baseline}, {CONFIDENCE} interval"
        yield title, table.tested, _difference
    if table.tested:
        yield f"{table.measure}: p against {table.baseline}, corrected", table.tested, _p


def _value(cell: Cell | None) -> str:
    # A blank keeps the digits of a column in line with those that have a mark.
    return f"{cell.value:.3f}{'*' if cell.significant else ' '}" if cell else f"{MISSING} "


def _interval(cell: Cell | None) -> str:
    if cell is None or cell.interval is None:
        return MISSING
    return f"{_short(cell.interval.low)}-{_short(cell.interval.high)}"


def _difference(cell: Cell | None) -> str:
    if cell is None or cell.difference is None or cell.difference_interval is None:
        return MISSING
    low, high = cell.difference_interval.low, cell.difference_interval.high
    return f"{_short(cell.difference, '+')} [{_short(low, '+')},{_short(high, '+')}]"


def _short(value: float, sign: str = "") -> str:
    """Leave out the zero before the point; what rounds to zero is not negative."""
    return f"{value:{sign}z.3f}".replace("0.", ".", 1)


def _p(cell: Cell | None) -> str:
    if cell is None or cell.corrected is None:
        return MISSING
    return "<.001" if cell.corrected < 0.001 else f"{cell.corrected:.3f}"


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
        size = gap + max(len(column.title), *(len(show(row.cells.get(column))) for row in rows))
        if block and used + size > width:
            yield block
            block, used = [], left
        block.append(column)
        used += size
    yield block


def _drawn(columns: Sequence[Column], rows: Sequence[Row], show: Show) -> Iterator[str]:
    header = [(name, name != "system") for name in _LEFT]
    header += [(column.title, True) for column in columns]
    cells = [[show(row.cells.get(column)) for column in columns] for row in rows]
    yield from _grid(
        header, [[row.system, row.seeds, *found] for row, found in zip(rows, cells, strict=True)]
    )
    yield ""


def _grid(header: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Draw a table; `header` has the names of the columns, and whether they are flush right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table as Drawing

    drawing = Drawing(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name, right in header:
        drawing.add_column(name, no_wrap=True, justify="right" if right else "left")
    for row in rows:
        drawing.add_row(*row)
    out = StringIO()
    # As wide as it takes: `_blocks` has seen to it that this is not too wide.
    Console(file=out, width=10_000, color_system=None, markup=False, emoji=False).print(drawing)
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
    return "\t".join([formats.format_score(score), *tested, *around])


def _ends(interval: Interval | None) -> list[str]:
    if interval is None:
        return [MISSING, MISSING]
    return [f"{end:z.6f}" for end in (interval.low, interval.high)]
