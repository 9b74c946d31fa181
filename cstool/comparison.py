"""Systems side by side: a table per measure, with means over seeds and pairs, and tests.

Seeds are averaged first, then the pairs of a group; the query stays the unit of every mean, every
test and every interval.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import fsum
from statistics import stdev

from cstool import significance
from cstool.errors import CstoolError
from cstool.evaluate import Evaluation, Result
from cstool.groups import Group, Pair, kind, kinds
from cstool.measures import Measure
from cstool.power import detectable, effect
from cstool.results import ALL, Cell, Column, Row, Table
from cstool.significance import ALPHA, Interval


@dataclass(frozen=True)
class Plan:
    """What a table has: which pairs and groups of them, and how differences are tested.

    `pairs` are all that have a run unless they are named; `columns` is one of COLUMNS. `margin` is
    the difference that does not matter.
    """

    baseline: str | None = None
    pairs: Sequence[Pair] | None = None
    groups: Callable[[Sequence[Pair]], list[Group]] = kinds
    columns: str = "all"
    intervals: bool = False
    test: str = "t"
    correction: str = "bonferroni"
    margin: float | None = None


COLUMNS: dict[str, Callable[[Column], bool]] = {
    "all": lambda column: True,
    "pairs": lambda column: not column.is_group,
    "groups": lambda column: column.is_group,
}


@dataclass(frozen=True)
class Sample:
    """A value for each query."""

    qids: tuple[str, ...]
    values: Sequence[float]

    @property
    def mean(self) -> float:
        """Give the mean over queries."""
        return mean(self.values)


@dataclass(frozen=True)
class Layout:
    """The columns of a table, those that are shown among them, and the pairs of its groups."""

    columns: Sequence[Column]
    shown: Sequence[Column]
    members: Mapping[Column, Sequence[Column]]


Key = tuple[str, Column]  # a system, and where it has a value
Runs = dict[str, dict[Column, dict[str, Sample]]]  # system, pair, seed


def compare(evaluation: Evaluation, plan: Plan) -> list[Table]:
    """Make one table per measure, without notes (see `legend`).

    CstoolError if no row is called like the baseline, and if no column is left. Intervals are
    there where there is more than one query.
    """
    results = evaluation.all()
    names = dict.fromkeys(result.run.system for result in results)
    if plan.baseline is not None and plan.baseline not in names:
        there = ", ".join(names)
        raise CstoolError(f"no system {plan.baseline!r} to compare with; there are {there}")
    systems = dict.fromkeys(result.run.system for result in evaluation.results)
    layout = lay_out(evaluation, plan)
    drawn = plan.intervals and any(len(result.judged.qids) > 1 for result in evaluation.results)
    tables = []
    for measure in evaluation.measures:
        runs = _runs(results, measure)
        averages = {
            (name, column): sample
            for name, pairs in runs.items()
            for column, sample in _averages(pairs, layout).items()
            if column in layout.shown
        }
        against = _against(averages, list(systems), plan.baseline)
        deviations = {
            key: deviation
            for key in averages
            if (deviation := _deviation(runs[key[0]], layout, key[1])) is not None
        }
        cells = _cells(averages, against, deviations, plan, intervals=drawn)
        rows = _rows(runs, list(systems), cells)
        tables.append(Table(str(measure), layout.shown, rows, plan.baseline, [], drawn))
    return tables


def lay_out(evaluation: Evaluation, plan: Plan) -> Layout:
    """Order the columns: pairs by kind and name, or as they were named, the groups last."""
    found = {result.run.pair for result in evaluation.results}
    order = dict(zip(("MoIR", "CLIR", "MLIR", None), range(4), strict=True))
    pairs = plan.pairs or sorted(found, key=lambda pair: (order[kind(pair)], "-".join(pair)))
    groups = plan.groups(pairs)
    columns = [Column(*pair) for pair in pairs] + [Column(group.name, ALL) for group in groups]
    shown = list(filter(COLUMNS[plan.columns], columns))
    if not shown:
        raise CstoolError(
            f"no {plan.columns}: no run is named by its languages, expected a name such as "
            "en-de.trec"
        )
    members = {Column(group.name, ALL): [Column(*one) for one in group.pairs] for group in groups}
    return Layout(columns, shown, members)


def mean(values: Sequence[float]) -> float:
    """Average, without the rounding of a running sum."""
    return fsum(values) / len(values)


def _runs(results: Sequence[Result], measure: Measure) -> Runs:
    qids: dict[int, tuple[str, ...]] = {}  # shared, as the judgements are
    runs: Runs = {}
    for result in results:
        pairs = runs.setdefault(result.run.system, {})
        seeds = pairs.setdefault(Column(*result.run.pair), {})
        names = qids.setdefault(id(result.judged), tuple(result.judged.qids))
        seeds[result.run.seed] = Sample(names, result.values[measure])
    return runs


def _averages(runs: Mapping[Column, Mapping[str, Sample]], layout: Layout) -> dict[Column, Sample]:
    """Average over seeds, then over the pairs of a group if there are all; a value per query."""
    found = {column: _over_pairs(list(seeds.values())) for column, seeds in runs.items()}
    averages: dict[Column, Sample] = {}
    for column in layout.columns:
        members = layout.members.get(column, [])
        if column in found:
            averages[column] = found[column]
        elif members and all(pair in found for pair in members):
            averages[column] = _over_pairs([found[pair] for pair in members])
    return averages


def _over_pairs(samples: Sequence[Sample]) -> Sample:
    """Average query by query, so that the mean over queries is the mean of the samples' means.

    Where samples have different queries, each value weighs as much as its sample needs: of Q
    queries at all, S samples and a sample of n queries, Q / (S n).
    """
    first = samples[0]
    if all(sample.qids is first.qids or sample.qids == first.qids for sample in samples):
        columns = zip(*(sample.values for sample in samples), strict=True)
        return Sample(first.qids, [mean(values) for values in columns])
    parts: dict[str, list[float]] = {}
    for sample in samples:
        for qid, value in zip(sample.qids, sample.values, strict=True):
            parts.setdefault(qid, []).append(value / len(sample.qids))
    factor = len(parts) / len(samples)
    return Sample(tuple(parts), [factor * fsum(values) for values in parts.values()])


def _deviation(
    runs: Mapping[Column, Mapping[str, Sample]], layout: Layout, column: Column
) -> float | None:
    """Give the standard deviation (n - 1) of the seeds' means, over seeds with all the pairs."""
    pairs = [runs[pair] for pair in layout.members.get(column, [column]) if pair in runs]
    seeds = [seed for seed in pairs[0] if all(seed in found for found in pairs)] if pairs else []
    means = [mean([found[seed].mean for found in pairs]) for seed in seeds]
    return stdev(means) if len(means) > 1 else None


def _against(
    averages: Iterable[Key], systems: Sequence[str], baseline: str | None
) -> dict[Key, Key]:
    """Say what is compared with what: systems with the baseline where both have a value."""
    there = set(averages)
    return {
        (name, column): (baseline, column)
        for name, column in averages
        if baseline is not None and name in systems
        if name != baseline and (baseline, column) in there
    }


def _cells(
    averages: Mapping[Key, Sample],
    against: Mapping[Key, Key],
    deviations: Mapping[Key, float],
    plan: Plan,
    *,
    intervals: bool,
) -> dict[Key, Cell]:
    values = {key: sample.mean for key, sample in averages.items()}
    pairs = {our: (averages[our].values, averages[their].values) for our, their in against.items()}
    test = significance.TESTS[plan.test]
    p_values = {key: test(*pair) for key, pair in pairs.items()}
    corrected = significance.correct(plan.correction, p_values)
    sizes = {len(ours) for ours, _ in pairs.values()}
    smallest = {size: effect(size, ALPHA / len(pairs)) for size in sizes}
    bounds: list[dict[Key, float]] = []
    for bound in (significance.not_worse, significance.equivalent):
        tested = {} if plan.margin is None else pairs
        with_margin = partial(bound, margin=plan.margin or 0.0)
        found = {key: with_margin(*pair) for key, pair in tested.items()}
        bounds.append(significance.correct(plan.correction, found))
    around, paired = _intervals(averages, against) if intervals else ({}, {})
    return {
        key: Cell(
            value,
            p=p_values.get(key),
            corrected=corrected.get(key),
            interval=around.get(key),
            difference=value - values[against[key]] if key in against else None,
            difference_interval=paired.get(key),
            deviation=deviations.get(key),
            detectable=detectable(*pairs[key], smallest[len(pairs[key][0])])
            if key in pairs
            else None,
            not_worse=bounds[0].get(key),
            equivalent=bounds[1].get(key),
        )
        for key, value in values.items()
    }


def _intervals(
    averages: Mapping[Key, Sample], against: Mapping[Key, Key]
) -> tuple[dict[Key, Interval], dict[Key, Interval]]:
    """Resample the queries, the same for all cells that are about the same queries."""
    alike: dict[tuple[str, ...], list[Key]] = {}
    for key, sample in averages.items():
        alike.setdefault(sample.qids, []).append(key)
    around: dict[Key, Interval] = {}
    paired: dict[Key, Interval] = {}
    for qids, keys in alike.items():
        if len(qids) < 2:
            continue
        drawn = significance.resampled_means([averages[key].values for key in keys])
        means = dict(zip(keys, drawn, strict=True))
        around |= {key: significance.interval(found) for key, found in means.items()}
        paired |= {
            ours: significance.interval(means[ours] - means[against[ours]])
            for ours in keys
            if ours in against
        }
    return around, paired


def _rows(runs: Runs, systems: Sequence[str], cells: Mapping[Key, Cell]) -> list[Row]:
    return [
        Row(
            name,
            {column: cell for (system, column), cell in cells.items() if system == name},
            {
                column: {seed: sample.mean for seed, sample in seeds.items()}
                for column, seeds in pairs.items()
            },
            reference=name not in systems,
        )
        for name, pairs in runs.items()
    ]
