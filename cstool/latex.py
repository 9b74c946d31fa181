"""Tables for LaTeX: booktabs, the best system of a column bold, marks raised.

What comes from data is escaped. Names in other scripts than Latin need a LaTeX that has their
letters (lualatex or xelatex with a font that does).
"""

import re
from collections.abc import Iterator, Sequence

from cstool.looks import LEFT, Show, is_number, parts, shown_value
from cstool.results import MISSING, Column, Listing, Row, Table

_PREAMBLE = r"% needs \usepackage[T1]{fontenc}, \usepackage{textcomp} and \usepackage{booktabs}"
_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"\textpm{}",
    "*": r"\textasteriskcentered{}",
    '"': r"\textquotedbl{}",
    "-": "{-}",  # no ligature: -- stays two hyphens
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_SPLIT = 8  # columns that fit on a page


def escape(text: str) -> str:
    """Write any text so that LaTeX shows it as it is."""
    return "".join(_ESCAPES.get(sign, sign) for sign in _CONTROLS.sub(" ", text))


def tables(found: Sequence[Table]) -> Iterator[str]:
    """Write tables: values with marks, then what else is known; the notes are the caption."""
    yield _PREAMBLE
    for table in found:
        for title, rows, show in parts(table):
            first = title == table.measure
            for columns in _blocks(table.columns):
                cells = [[_cell(table, row, one, show, first) for one in columns] for row in rows]
                named = [
                    [escape(row.system), escape(row.seeds), *shown]
                    for row, shown in zip(rows, cells, strict=True)
                ]
                # The first stage and chance stand above the systems, the oracle below them.
                ends = [row.reference for row in rows]
                rules = {
                    number for number in range(1, len(rows)) if ends[number] != ends[number - 1]
                }
                header = [*LEFT, *(column.title for column in columns)]
                notes = table.notes if first and columns[0] is table.columns[0] else ()
                yield from _float(
                    title, notes, _ruled("l" + "r" * (len(header) - 1), header, named, rules)
                )


def listing(one: Listing) -> Iterator[str]:
    """Write a plain table."""
    columns = range(len(one.header))
    numbers = [all(is_number(row[column]) for row in one.rows) for column in columns]
    yield from _float(one.title, one.notes, tabular(one.header, one.rows, numbers))


def tabular(
    header: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool]
) -> Iterator[str]:
    """Write the table alone; columns of numbers are flush right."""
    shape = "".join("r" if number else "l" for number in numbers)
    yield from _ruled(shape, header, [[escape(cell) for cell in row] for row in rows], set())


def _ruled(
    shape: str, header: Sequence[str], rows: Sequence[Sequence[str]], rules: set[int]
) -> Iterator[str]:
    yield rf"  \begin{{tabular}}{{{shape}}}"
    yield r"    \toprule"
    yield f"    {' & '.join(map(escape, header))} \\\\"
    yield r"    \midrule"
    for number, row in enumerate(rows):
        if number in rules:
            yield r"    \midrule"
        yield f"    {' & '.join(row)} \\\\"
    yield r"    \bottomrule"
    yield r"  \end{tabular}"


def _float(title: str, notes: Sequence[str], body: Iterator[str]) -> Iterator[str]:
    yield r"\begin{table}"
    yield r"  \centering"
    yield from body
    yield rf"  \caption{{{' '.join([f'{escape(title)}.', *map(escape, notes)])}}}"
    yield r"\end{table}"


def _cell(table: Table, row: Row, column: Column, show: Show, values: bool) -> str:
    cell = row.cells.get(column)
    if cell is None:
        return escape(MISSING)
    if not values:
        return escape(show(column, cell).strip())
    number = escape(shown_value(cell))
    if table.is_best(row, column):
        number = rf"\textbf{{{number}}}"
    return number + (rf"\textsuperscript{{{escape(cell.mark)}}}" if cell.mark else "")


def _blocks(columns: Sequence[Column]) -> Iterator[Sequence[Column]]:
    for start in range(0, len(columns), _SPLIT):
        yield columns[start : start + _SPLIT]
