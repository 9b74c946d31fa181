"""What changed since an older evaluation: values, marks, systems, columns, measures."""

from collections.abc import Iterator, Mapping

from cstool.results import MISSING, Cell, Listing, Results

_HEADER = ("measure", "system", "column", "before", "now", "change")
_SHOWN = 3  # digits, as in the tables

Key = tuple[str, str, str]  # measure, system, title of a column


def changes(old: Results, new: Results, name: str) -> Listing:
    """List the cells that differ in a shown digit or in their mark, those that came and went."""
    before, now = _cells(old), _cells(new)
    rows = [
        [*key, _shown(before.get(key)), _shown(now.get(key)), _difference(before, now, key)]
        for key in dict.fromkeys([*now, *before])
        if _shown(before.get(key)) != _shown(now.get(key))
    ]
    same = len(now.keys() & before.keys()) - sum(row[3] != MISSING != row[4] for row in rows)
    notes = [
        f"{same} cells are the same, to {_SHOWN} digits and in their marks.",
        *_notes(old, new),
    ]
    return Listing(f"changes since {name}", _HEADER, rows, notes)


def _cells(results: Results) -> dict[Key, Cell]:
    return {
        (table.measure, row.system, column.title): cell
        for table in results.tables
        for row in table.rows
        for column in table.columns
        if (cell := row.cells.get(column)) is not None
    }


def _shown(cell: Cell | None) -> str:
    return MISSING if cell is None else f"{cell.value:.{_SHOWN}f}{cell.mark}"


def _difference(before: Mapping[Key, Cell], now: Mapping[Key, Cell], key: Key) -> str:
    if key not in before or key not in now:
        return MISSING
    return f"{now[key].value - before[key].value:+z.{_SHOWN}f}"


def _notes(old: Results, new: Results) -> Iterator[str]:
    if set(old.qrels.values()) != set(new.qrels.values()):
        yield "The qrels are others than before."
    baselines = [sorted({str(table.baseline) for table in found.tables}) for found in (old, new)]
    if baselines[0] != baselines[1]:
        yield f"The baseline was {', '.join(baselines[0])} and is {', '.join(baselines[1])}."
