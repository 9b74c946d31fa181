"""What one has to know to read a table: printed under it, whatever its format."""

from collections.abc import Sequence
from dataclasses import replace

from cstool.comparison import Layout, Plan, lay_out
from cstool.evaluate import Evaluation
from cstool.power import POWER
from cstool.results import MISSING, Table
from cstool.significance import ALPHA, CONFIDENCE, FLIPS, RESAMPLES

_TIES = {
    "pid": "pid ascending",
    "trec_eval": "pid descending, scores as float32 (trec_eval)",
}
_TESTS = {"t": "a paired t-test", "randomisation": "a paired randomisation test"}
_CORRECTIONS = {"bonferroni": "Bonferroni", "holm": "Holm"}
_INTERVALS = (
    f"{CONFIDENCE} intervals: percentile bootstrap, {RESAMPLES:,} resamples of the queries (not of "
    "seeds), the same for all cells; not corrected for the number of intervals."
)
_NO_INTERVALS = f"No {CONFIDENCE} intervals: there is only one query."


def explained(
    tables: Sequence[Table],
    evaluation: Evaluation,
    plan: Plan,
    *,
    candidates: str,
    further: Sequence[str] = (),
) -> list[Table]:
    """Put notes under tables; `candidates` says what chance and oracle are about."""
    layout = lay_out(evaluation, plan)
    gaps = missing(evaluation, layout)
    return [
        replace(table, notes=_notes(table, evaluation, plan, layout, gaps, candidates, further))
        for table in tables
    ]


def missing(evaluation: Evaluation, layout: Layout) -> list[str]:
    """Name the runs that a full grid of systems, pairs and seeds would have, system by system.

    Whole pairs first, whose cells are empty; then pairs that lack a seed that others have.
    """
    pairs = dict.fromkeys(
        [column for column in layout.columns if not column.is_group]
        + [pair for members in layout.members.values() for pair in members]
    )
    there: dict[str, dict[tuple[str, str], set[str]]] = {}
    for result in evaluation.results:
        found = there.setdefault(result.run.system, {})
        found.setdefault(result.run.pair, set()).add(result.run.seed)
    gaps = []
    for system, found in there.items():
        empty = [column.title for column in pairs if column.pair not in found]
        if empty:
            gaps.append(f"{system} has no run for {', '.join(empty)}")
        seeds = sorted(set().union(*found.values()))
        for seed in seeds:
            lacking = [
                column.title for column in pairs if seed not in found.get(column.pair, seeds)
            ]
            if lacking:
                gaps.append(f"{system} has no run of seed {seed} for {', '.join(lacking)}")
    return gaps


def _notes(
    table: Table,
    evaluation: Evaluation,
    plan: Plan,
    layout: Layout,
    gaps: Sequence[str],
    candidates: str,
    further: Sequence[str],
) -> list[str]:
    several = sorted({row.seeds for row in table.rows if not row.reference} - {"1"})
    groups = [column.title for column in table.columns if column.is_group]
    notes = [
        f"Means over all {_queries(evaluation)}, one without hits counts 0. Equal scores: "
        f"{_TIES[evaluation.ties]}.",
        f"{', '.join(groups)}: means over pairs. " if groups else "",
        f"Chance and oracle: random and best order of {candidates}.",
    ]
    notes[1] += f"Averaged over {', '.join(several)} seeds." if several else "One seed each."
    if any(cell.deviation is not None for row in table.rows for cell in row.cells.values()):
        notes[1] += " ± is the standard deviation (n - 1) of the seeds' means."
    if gaps:
        notes.append(f"Missing: {'; '.join(gaps)}. A group that lacks a pair has no mean.")
    notes += further
    if plan.baseline is not None:
        notes += _tests(table, plan)
    if plan.intervals:
        notes.append(_INTERVALS if table.intervals else _NO_INTERVALS)
    return notes


def _queries(evaluation: Evaluation) -> str:
    judged = {id(result.judged): result.judged for result in evaluation.results}.values()
    counts = sorted({len(one.qids) for one in judged})
    barren = sum(one.barren for one in judged)
    text = f"{' to '.join(dict.fromkeys(map(str, (counts[0], counts[-1]))))} queries of the qrels"
    return text + (f" (to {barren} of them nothing is relevant, which count 0)" if barren else "")


def _tests(table: Table, plan: Plan) -> list[str]:
    cells = [cell for row in table.rows for cell in row.cells.values() if cell.p is not None]
    flips = f" ({FLIPS:,} draws of signs)" if plan.test == "randomisation" else ""
    columns = [
        column.title
        for column in table.columns
        if any(column in row.cells and row.cells[column].p is not None for row in table.tested)
    ]
    family = (
        f": {', '.join(row.system for row in table.tested)}, each in {', '.join(columns)}"
        if cells
        else ""
    )
    if len(cells) < len(table.tested) * len(columns):
        family += f" (where {MISSING} stands there was nothing to test)"
    notes = [
        f"* differs from {plan.baseline}: p < {ALPHA} in {_TESTS[plan.test]}{flips} over queries, "
        f"two-sided, {_CORRECTIONS[plan.correction]} over {len(cells)} tests{family}."
    ]
    if any(cell.detectable is not None and not cell.significant for cell in cells):
        notes.append(
            "No * is no proof of equality. Behind its p, in brackets, stands the difference that "
            f"a t-test at {ALPHA} / {len(cells)} would find with probability {POWER}, given how "
            "much the queries differ: a smaller one would more often have been missed."
        )
    if plan.margin is not None:
        notes.append(
            f"~ is not worse than {plan.baseline} by {plan.margin:g} or more, = is less than that "
            f"apart from it: one-sided paired t-tests at {ALPHA} (two for =), "
            f"{_CORRECTIONS[plan.correction]} over {len(cells)} tests of each kind."
        )
    return notes
