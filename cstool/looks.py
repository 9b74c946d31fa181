"""How the numbers of a table look, in whatever format."""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from cstool.results import MISSING, Cell, Column, Row, Table
from cstool.significance import CONFIDENCE

LEFT = ("system", "seeds")
_NUMBER = re.compile(r"-|[-+]?[\d.,]+%?( \[[-+\d., ]+\])?")

Show = Callable[[Column, Cell | None], str]


def is_number(text: str) -> bool:
    """Tell whether a cell of a plain table is a number, or stands for none."""
    return _NUMBER.fullmatch(text) is not None


def parts(table: Table) -> Iterator[tuple[str, Sequence[Row], Show]]:
    """Give the blocks of a table, values first: title, rows, look of a cell."""
    cells = [cell for row in table.rows for cell in row.cells.values()]
    yield table.measure, table.rows, partial(_value, marks=max(len(cell.mark) for cell in cells))
    if table.intervals:
        yield f"{table.measure}: {CONFIDENCE} intervals", table.rows, _interval
    if any(cell.difference is not None for cell in cells):
        around = f", {CONFIDENCE} interval" if table.intervals else ""
        yield f"{table.measure}: difference to {table.baseline}{around}", table.tested, _difference
    if table.tested:
        yield f"{table.measure}: p against {table.baseline}, corrected", table.tested, _p


def _value(column: Column, cell: Cell | None, marks: int) -> str:
    # Blanks keep the digits of a column in line with those that have a mark.
    shown = f"{shown_value(cell)}{cell.mark:<{marks}}" if cell else MISSING + " " * marks
    return shown if marks else f"{shown} "


def shown_value(cell: Cell) -> str:
    """Show a mean, and the standard deviation over its seeds."""
    spread = "" if cell.deviation is None else f"±{short(cell.deviation)}"
    return f"{cell.value:.3f}{spread}"


def _interval(column: Column, cell: Cell | None) -> str:
    if cell is None or cell.interval is None:
        return MISSING
    return f"{short(cell.interval.low)}-{short(cell.interval.high)}"


def _difference(column: Column, cell: Cell | None) -> str:
    if cell is None or cell.difference is None:
        return MISSING
    if cell.difference_interval is None:
        return short(cell.difference, "+")
    low, high = cell.difference_interval.low, cell.difference_interval.high
    return f"{short(cell.difference, '+')} [{short(low, '+')},{short(high, '+')}]"


def short(value: float, sign: str = "") -> str:
    """Leave out the zero before the point; what rounds to zero is not negative."""
    return f"{value:{sign}z.3f}".replace("0.", ".", 1)


def _p(column: Column, cell: Cell | None) -> str:
    if cell is None or cell.corrected is None:
        return MISSING
    p = "<.001" if cell.corrected < 0.001 else f"{cell.corrected:.3f}"
    null = cell.detectable is not None and not cell.significant
    return f"{p} ({short(cell.detectable or 0.0)})" if null else p
