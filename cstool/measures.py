"""Ranking measures: their names, and their values.

A measure depends on the grades of a query's judged passages and on the ranks at which judged
passages were found, on nothing else. So both are all that is handed over, and a run of a thousand
hits per query costs no more than its few judged ones.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import log2

NAMES = (
    "mrr", "map", "ndcg", "ndcg_burges", "dcg", "dcg_burges", "recall", "precision", "hit_rate",
    "hits", "f1", "r-precision", "bpref", "rbp",
)  # fmt: skip
_WHOLE = ("r-precision", "bpref", "rbp")  # these look at the whole ranking
_PATTERN = re.compile(
    rf"(?P<name>{'|'.join(NAMES)})(?:\.(?P<patience>\d{{1,4}}))?(?:@(?P<cutoff>[1-9]\d{{0,5}}))?"
    r"(?:-l(?P<level>[1-9]\d{0,5}))?"
)

Grades = Sequence[int]  # of one query's judged passages, best first


@dataclass(frozen=True, slots=True)
class Ranking:
    """The hits of one query: how many, and rank (from 1) and grade of those that are judged."""

    hits: int
    ranks: Sequence[int]
    grades: Sequence[int]


@dataclass(frozen=True)
class Measure:
    """A measure such as mrr@10, map-l2 (grades from 2 on are relevant) or rbp.8 (p = 0.8).

    Without `cutoff` the whole ranking counts.
    """

    name: str
    cutoff: int | None = None
    level: int = 1
    patience: str = ""  # the digits of p behind the point

    def __str__(self) -> str:
        patience = f".{self.patience}" if self.patience else ""
        cutoff = f"@{self.cutoff}" if self.cutoff else ""
        return f"{self.name}{patience}{cutoff}" + (f"-l{self.level}" if self.level > 1 else "")


def parse(text: str) -> Measure:
    """Read the name of a measure; ValueError for one that there is not."""
    match = _PATTERN.fullmatch(text)
    if (
        not match
        or (match["cutoff"] and match["name"] in _WHOLE)
        or (match["name"] == "rbp") != bool((match["patience"] or "").strip("0"))
    ):
        raise ValueError(
            f"no measure {text!r}; there are {', '.join(NAMES)}, all but {', '.join(_WHOLE)} also "
            "with a cutoff as in mrr@10, all with the least relevant grade as in map-l2, and rbp "
            "with its p behind the point as in rbp.8"
        )
    cutoff = int(match["cutoff"]) if match["cutoff"] else None
    return Measure(match["name"], cutoff, int(match["level"] or 1), match["patience"] or "")


def values(
    measures: Iterable[Measure], grades: Sequence[Grades], rankings: Sequence[Ranking]
) -> dict[Measure, list[float]]:
    """Compute measures for rankings: one value per query, in the order of `grades`."""
    pairs = list(zip(grades, rankings, strict=True))
    return {
        measure: [_FORMULAS[measure.name](_Query(measure, *pair)) for pair in pairs]
        for measure in measures
    }


@dataclass(frozen=True)
class _Query:
    """What a formula is about: the measure, the judgements and the ranking of one query."""

    measure: Measure
    judged: Grades
    ranking: Ranking

    @cached_property
    def found(self) -> list[tuple[int, int]]:
        """Give rank and grade of the relevant passages up to the cutoff."""
        level, depth = self.measure.level, self.measure.cutoff or self.ranking.hits
        pairs = zip(self.ranking.ranks, self.ranking.grades, strict=True)
        return [(rank, grade) for rank, grade in pairs if grade >= level and rank <= depth]

    @cached_property
    def relevant(self) -> list[int]:
        """Give the grades of all relevant passages, best first."""
        return [grade for grade in self.judged if grade >= self.measure.level]

    @property
    def depth(self) -> int:
        """Give how many passages are looked at: the cutoff, or all hits."""
        return self.measure.cutoff or self.ranking.hits


def _reciprocal_rank(query: _Query) -> float:
    return 1 / query.found[0][0] if query.found else 0.0


def _average_precision(query: _Query) -> float:
    if not query.found:
        return 0.0
    ranks = enumerate((rank for rank, _ in query.found), start=1)
    return sum(count / rank for count, rank in ranks) / len(query.relevant)


def gain(measure: Measure) -> Callable[[int], float]:
    """Give what a grade is worth to (n)dcg: itself, or 2**grade - 1 for the Burges variant."""
    return (lambda grade: 2.0**grade - 1) if measure.name.endswith("burges") else float


def ideal(measure: Measure, relevant: Sequence[int]) -> float:
    """Compute the best DCG that grades, best first, allow up to the cutoff."""
    best = enumerate(map(gain(measure), relevant[: measure.cutoff]), start=1)
    return sum(value / log2(rank + 1) for rank, value in best)


def _dcg(query: _Query) -> float:
    value = gain(query.measure)
    return sum(value(grade) / log2(rank + 1) for rank, grade in query.found)


def _ndcg(query: _Query) -> float:
    return _dcg(query) / ideal(query.measure, query.relevant) if query.found else 0.0


def _hits(query: _Query) -> float:
    return float(len(query.found))


def _hit_rate(query: _Query) -> float:
    return float(bool(query.found))


def _recall(query: _Query) -> float:
    return len(query.found) / len(query.relevant) if query.found else 0.0


def _precision(query: _Query) -> float:
    return len(query.found) / query.depth if query.found else 0.0


def _f1(query: _Query) -> float:
    return 2 * len(query.found) / (query.depth + len(query.relevant)) if query.found else 0.0


def _r_precision(query: _Query) -> float:
    cutoff = len(query.relevant)
    return sum(rank <= cutoff for rank, _ in query.found) / cutoff if cutoff else 0.0


def _bpref(query: _Query) -> float:
    """Count for each relevant hit the judged but not relevant hits above it (trec_eval's form)."""
    relevant = len(query.relevant)
    bound = min(relevant, len(query.judged) - relevant)
    total, above = 0.0, 0
    for grade in query.ranking.grades:
        if grade < query.measure.level:
            above += 1
        else:
            total += 1 - min(above, relevant) / bound if above else 1.0
    return total / relevant if relevant else 0.0


def _rbp(query: _Query) -> float:
    patience = float(f"0.{query.measure.patience}")
    return (1 - patience) * sum(patience ** (rank - 1) for rank, _ in query.found)


_FORMULAS: dict[str, Callable[[_Query], float]] = {
    "mrr": _reciprocal_rank,
    "map": _average_precision,
    "ndcg": _ndcg,
    "ndcg_burges": _ndcg,
    "dcg": _dcg,
    "dcg_burges": _dcg,
    "recall": _recall,
    "precision": _precision,
    "hit_rate": _hit_rate,
    "hits": _hits,
    "f1": _f1,
    "r-precision": _r_precision,
    "bpref": _bpref,
    "rbp": _rbp,
}
