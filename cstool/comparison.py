"""Systems side by side: a table per measure, with means over seeds and pairs, and tests.

The groups are monolingual (MoIR), cross-lingual (CLIR) and multilingual (MLIR) retrieval. Seeds are
averaged first, then the pairs of a group; the query stays the unit of every mean, every test and
every interval.
"""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum

from cstool.errors import CstoolError
from cstool.evaluate import Evaluation, Result
from cstool.measures import Measure
from cstool.runfiles import UNKNOWN
from cstool.significance import (
    ALPHA,
    CONFIDENCE,
    RESAMPLES,
    Interval,
    bonferroni,
    interval,
    p_value,
    resampled_means,
)

ALL = "all"  # stands where a mean was taken: over passage languages, seeds or queries
MISSING = "-"
GROUPS = ("MoIR", "CLIR", "MLIR")
_TIES = {
    "pid": "pid ascending",
    "trec_eval": "pid descending, scores as float32 (trec_eval)",
}
_INTERVALS = (
    f"{CONFIDENCE} intervals: percentile bootstrap, {RESAMPLES:,} resamples of the queries (not of "
    "seeds), the same for all cells; not corrected for the number of intervals."
)
_NO_INTERVALS = f"No {CONFIDENCE} intervals: there is only one query."


@dataclass(frozen=True)
class Column:
    """A language pair, or the mean over a group of them (`query_lang` is its name)."""

    query_lang: str
    passage_lang: str

    @property
    def title(self) -> str:
        """Name the column: en-de, MoIR, or `value` where the languages are not known."""
        if self.query_lang == UNKNOWN:
            return "value"
        return self.query_lang if self.passage_lang == ALL else "-".join(self._pair)

    @property
    def group(self) -> str | None:
        """Say what kind of retrieval a pair is; a set of mixed languages is named xx..."""
        if UNKNOWN in self._pair or self.passage_lang == ALL:
            return None
        if any(language.startswith("xx") for language in self._pair):
            return "MLIR"
        return "MoIR" if self.query_lang == self.passage_lang else "CLIR"

    @property
    def _pair(self) -> tuple[str, str]:
        return self.query_lang, self.passage_lang


@dataclass(frozen=True)
class Cell:
    """A mean over queries; `p` tests its difference to the baseline, `corrected` for all tests."""

    value: float
    p: float | None = None
    corrected: float | None = None
    interval: Interval | None = None
    difference: float | None = None
    difference_interval: Interval | None = None

    @property
    def significant(self) -> bool:
        """Tell whether the difference to the baseline is significant after correction."""
        return self.corrected is not None and self.corrected < ALPHA


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


Key = tuple[str, Column]  # a system, and where it has a value
Runs = dict[str, dict[Column, dict[str, Sequence[float]]]]  # system, pair, seed: values by query
COLUMNS: dict[str, Callable[[Column], bool]] = {
    "all": lambda column: True,
    "pairs": lambda column: column.passage_lang != ALL,
    "groups": lambda column: column.passage_lang == ALL,
}


def compare(
    evaluation: Evaluation,
    *,
    baseline: str | None = None,
    columns: str = "all",
    intervals: bool = False,
    candidates: str,
) -> list[Table]:
    """Make one table per measure; CstoolError if no row is called like the baseline.

    `columns` is one of COLUMNS; CstoolError if none is left. `intervals` adds them where there is
    more than one query. `candidates` says in the notes what chance and oracle are about.
    """
    results = evaluation.all()
    names = dict.fromkeys(result.run.system for result in results)
    if baseline is not None and baseline not in names:
        raise CstoolError(f"no system {baseline!r} to compare with; there are {', '.join(names)}")
    systems = dict.fromkeys(result.run.system for result in evaluation.results)
    found = _ordered({Column(*result.run.pair) for result in evaluation.results})
    shown = list(filter(COLUMNS[columns], found))
    if not shown:
        raise CstoolError(
            f"no {columns}: no run is named by its languages, expected a name such as en-de.trec"
        )
    drawn = intervals and len(evaluation.judged.qids) > 1
    tables = []
    for measure in evaluation.measures:
        runs = _runs(results, measure)
        averages = {
            (name, column): values
            for name, pairs in runs.items()
            for column, values in _averages(pairs, found).items()
            if column in shown
        }
        cells = _cells(averages, systems, baseline, intervals=drawn)
        rows = _rows(runs, systems, cells)
        notes = _notes(evaluation, rows, shown, baseline, candidates)
        if intervals:
            notes.append(_INTERVALS if drawn else _NO_INTERVALS)
        tables.append(Table(str(measure), shown, rows, baseline, notes, drawn))
    return tables


def _runs(results: Iterable[Result], measure: Measure) -> Runs:
    runs: Runs = {}
    for result in results:
        pairs = runs.setdefault(result.run.system, {})
        seeds = pairs.setdefault(Column(*result.run.pair), {})
        seeds[result.run.seed] = result.values[measure]
    return runs


def _cells(
    averages: Mapping[Key, Sequence[float]],
    systems: Container[str],
    baseline: str | None,
    *,
    intervals: bool,
) -> dict[Key, Cell]:
    values = {key: _mean(found) for key, found in averages.items()}
    against: dict[Key, Key] = {}
    if baseline is not None:
        against = {
            (name, column): (baseline, column)
            for name, column in averages
            if name in systems and name != baseline and (baseline, column) in averages
        }
    p_values = {ours: p_value(averages[ours], averages[theirs]) for ours, theirs in against.items()}
    corrected = bonferroni(p_values)
    around, paired = {}, {}
    if intervals:
        means = dict(zip(averages, resampled_means(list(averages.values())), strict=True))
        around = {key: interval(found) for key, found in means.items()}
        paired = {ours: interval(means[ours] - means[theirs]) for ours, theirs in against.items()}
    return {
        key: Cell(
            value,
            p_values.get(key),
            corrected.get(key),
            around.get(key),
            value - values[against[key]] if key in against else None,
            paired.get(key),
        )
        for key, value in values.items()
    }


def _rows(runs: Runs, systems: Container[str], cells: Mapping[Key, Cell]) -> list[Row]:
    return [
        Row(
            name,
            {column: cell for (system, column), cell in cells.items() if system == name},
            {
                column: {seed: _mean(values) for seed, values in seeds.items()}
                for column, seeds in pairs.items()
            },
            reference=name not in systems,
        )
        for name, pairs in runs.items()
    ]


def _notes(
    evaluation: Evaluation,
    rows: Sequence[Row],
    columns: Sequence[Column],
    baseline: str | None,
    candidates: str,
) -> list[str]:
    several = sorted({row.seeds for row in rows if not row.reference} - {"1"})
    groups = [column.title for column in columns if column.passage_lang == ALL]
    notes = [
        f"Means over all {len(evaluation.judged.qids)} queries of the qrels, one without "
        f"hits counts 0. Equal scores: {_TIES[evaluation.ties]}.",
        f"{', '.join(groups)}: means over pairs. " if groups else "",
        f"Chance and oracle: random and best order of {candidates}.",
    ]
    notes[1] += f"Averaged over {', '.join(several)} seeds." if several else "One seed each."
    if baseline is not None:
        tests = sum(cell.p is not None for row in rows for cell in row.cells.values())
        notes.append(
            f"* differs from {baseline}: p < {ALPHA} in a paired t-test over queries, two-sided, "
            f"Bonferroni over {tests} tests."
        )
    return notes


def _ordered(pairs: set[Column]) -> list[Column]:
    """Sort pairs by group and name, the means of the groups last."""
    order = dict(zip((*GROUPS, None), range(4), strict=True))
    found = sorted(pairs, key=lambda column: (order[column.group], column.title))
    groups = {column.group for column in found}
    return found + [Column(group, ALL) for group in GROUPS if group in groups]


def _averages(
    runs: Mapping[Column, Mapping[str, Sequence[float]]], columns: Sequence[Column]
) -> dict[Column, Sequence[float]]:
    """Average over seeds, then over the pairs of a group if there are all; a value per query."""
    found = {column: _averaged(list(seeds.values())) for column, seeds in runs.items()}
    averages: dict[Column, Sequence[float]] = {}
    for column in columns:
        members = [pair for pair in columns if pair.group == column.query_lang]
        if column in found:
            averages[column] = found[column]
        elif members and all(pair in found for pair in members):
            averages[column] = _averaged([found[pair] for pair in members])
    return averages


def _averaged(values: Sequence[Sequence[float]]) -> Sequence[float]:
    return [_mean(same_query) for same_query in zip(*values, strict=True)]


def _mean(values: Sequence[float]) -> float:
    return fsum(values) / len(values)
