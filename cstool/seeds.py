"""The best seed of every system, chosen on other queries than those that are reported."""

from collections.abc import Iterable, Mapping

from cstool.errors import CstoolError
from cstool.results import Column, Results
from cstool.runfiles import RunFile


def best(development: Results, measure: str, runs: Iterable[RunFile]) -> dict[str, str]:
    """Give the seed of every system that has several, best by the mean over development pairs.

    Equal seeds: the first in the order of names. CstoolError where the development set lacks the
    measure, a system, or a seed (in any of the system's pairs there).
    """
    seeds: dict[str, set[str]] = {}
    for run in runs:
        seeds.setdefault(run.system, set()).add(run.seed)
    values = _values(development, measure)
    return {
        system: _best(system, names, values.get(system, {}), measure)
        for system, names in seeds.items()
        if len(names) > 1
    }


def _best(
    system: str, names: Iterable[str], pairs: Mapping[Column, Mapping[str, float]], measure: str
) -> str:
    wanted = sorted(names)
    for seed in wanted:
        if not pairs or any(seed not in found for found in pairs.values()):
            raise CstoolError(
                f"the development set lacks seed {seed} of {system}, at least in one of its pairs"
            )
    # The same pairs for all seeds, so that the sum orders as the mean does.
    return max(wanted, key=lambda seed: sum(found[seed] for found in pairs.values()))


def _values(development: Results, measure: str) -> dict[str, Mapping[Column, Mapping[str, float]]]:
    for table in development.tables:
        if table.measure == measure:
            return {row.system: row.by_seed for row in table.rows}
    there = ", ".join(table.measure for table in development.tables)
    raise CstoolError(f"the development set has no {measure} to choose seeds by; it has {there}")
