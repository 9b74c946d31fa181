"""Systems side by side: a table per measure, with means over seeds and pairs, and tests.

The groups are monolingual (MoIR), cross-lingual (CLIR) and multilingual (MLIR) retrieval. Seeds are
averaged first, then the pairs of a group; the query stays the unit of every mean and every test.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import fsum

from cstool.errors import CstoolError
from cstool.evaluate import Evaluation, Result
from cstool.measures import Measure
from cstool.runfiles import UNKNOWN
from cstool.significance import ALPHA, bonferroni, p_value

ALL = "all"  # stands where a mean was taken: over passage languages, seeds or queries
MISSING = "-"
GROUPS = ("MoIR", "CLIR", "MLIR")
_TIES = {
    "pid": "pid ascending",
    "trec_eval": "pid descending, scores as float32 (trec_eval)",
}


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

    @property
    def tested(self) -> list[Row]:
        """Give the rows that were tested against the baseline."""
        return [row for row in self.rows if any(c.p is not None for c in row.cells.values())]


def compare(evaluation: Evaluation, *, baseline: str | None = None, candidates: str) -> list[Table]:
    """Make one table per measure; CstoolError if no row is called like the baseline.

    `candidates` says in the notes what chance and oracle are about.
    """
    results = evaluation.all()
    names = dict.fromkeys(result.run.system for result in results)
    if baseline is not None and baseline not in names:
        raise CstoolError(f"no system {baseline!r} to compare with; there are {', '.join(names)}")
    systems = dict.fromkeys(result.run.system for result in evaluation.results)
    columns = _ordered({Column(*result.run.pair) for result in evaluation.results})
    tables = []
    for measure in evaluation.measures:
        rows = _rows(results, systems, columns, measure, baseline)
        notes = _notes(evaluation, rows, columns, baseline, candidates)
        tables.append(Table(str(measure), columns, rows, baseline, notes))
    return tables


def _rows(
    results: Iterable[Result],
    systems: Container[str],
    columns: Sequence[Column],
    measure: Measure,
    baseline: str | None,
) -> list[Row]:
    runs: dict[str, dict[Column, dict[str, Sequence[float]]]] = {}
    for result in results:
        pairs = runs.setdefault(result.run.system, {})
        seeds = pairs.setdefault(Column(*result.run.pair), {})
        seeds[result.run.seed] = result.values[measure]
    averages = {name: _averages(pairs, columns) for name, pairs in runs.items()}
    p_values = {}
    if baseline is not None:
        p_values = {
            (name, column): p_value(values, averages[baseline][column])
            for name, averaged in averages.items()
            for column, values in averaged.items()
            if name in systems and name != baseline and column in averages[baseline]
        }
    corrected = bonferroni(p_values)
    return [
        Row(
            name,
            {
                column: Cell(
                    _mean(values), p_values.get((name, column)), corrected.get((name, column))
                )
                for column, values in averages[name].items()
            },
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
