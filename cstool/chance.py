"""What a random order of the candidates is worth: exact expectations, no sampling.

All N! orders of a query's N candidates are equally likely. Every measure here but RR and hit rate
is a sum over ranks of terms whose expectation is known, so the expectation of the sum is exact; RR
and hit rate follow from the rank of the first relevant passage, which is negative hypergeometric.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2

from cstool.measures import UNJUDGED, Grades, Measure, Ranking


@dataclass(frozen=True)
class _Draw:
    """A query: N candidates of which `r` are relevant with these gains, R relevant at all."""

    candidates: int
    gains: Sequence[int]
    ideal: Sequence[int]  # grades of all relevant passages, candidates or not, best first
    cutoff: int | None

    @property
    def ranks(self) -> range:
        """Give the ranks that count."""
        return range(1, min(self.cutoff or self.candidates, self.candidates) + 1)

    @property
    def share(self) -> float:
        """Give the probability that the passage at a given rank is relevant."""
        return len(self.gains) / self.candidates


def expected(
    measure: Measure, grades: Sequence[Grades], rankings: Sequence[Ranking]
) -> list[float]:
    """Compute the expectation of a measure over all orders of each ranking's hits."""
    formula = _FORMULAS[measure.name]
    found = []
    for judged, ranking in zip(grades, rankings, strict=True):
        gains = [judged[place] for place in ranking if place != UNJUDGED]
        gains = [gain for gain in gains if gain >= measure.level]
        ideal = [grade for grade in judged if grade >= measure.level]
        draw = _Draw(len(ranking), gains, ideal, measure.cutoff)
        found.append(formula(draw) if gains else 0.0)
    return found


def _reciprocal_rank(draw: _Draw) -> float:
    """Sum P(first relevant at rank i) / i."""
    return sum(probability / rank for rank, probability in _first(draw))


def _hit_rate(draw: _Draw) -> float:
    """Sum P(first relevant at rank i)."""
    return sum(probability for _, probability in _first(draw))


def _first(draw: _Draw) -> list[tuple[int, float]]:
    """Give P(first relevant at rank i) = P(none before) * r / (N - i + 1) for the ranks i."""
    found, none_before, relevant = [], 1.0, len(draw.gains)
    for rank in draw.ranks:
        probability = relevant / (draw.candidates - rank + 1)
        found.append((rank, none_before * probability))
        none_before *= 1 - probability
    return found


def _hits(draw: _Draw) -> float:
    """Expect k r / N relevant passages in the first k: the mean of a hypergeometric."""
    return len(draw.ranks) * draw.share


def _recall(draw: _Draw) -> float:
    return _hits(draw) / len(draw.ideal)


def _precision(draw: _Draw) -> float:
    return _hits(draw) / (draw.cutoff or draw.candidates)


def _f1(draw: _Draw) -> float:
    """Use that F1 = 2 hits / (k + R) is linear in the hits."""
    return 2 * _hits(draw) / ((draw.cutoff or draw.candidates) + len(draw.ideal))


def _r_precision(draw: _Draw) -> float:
    """Precision at R, where R is the number of relevant passages."""
    cutoff = len(draw.ideal)
    return _precision(_Draw(draw.candidates, draw.gains, draw.ideal, cutoff))


def _average_precision(draw: _Draw) -> float:
    """Sum E[X_i (X_1 + ... + X_i)] / i over ranks, over R; X_i tells whether rank i is relevant.

    E[X_i] = r / N and, for j before i, E[X_j X_i] = r (r - 1) / (N (N - 1)); see Bestgen, "Exact
    expected average precision of the random baseline for system evaluation" (PBML 103, 2015).
    """
    both = draw.share * (len(draw.gains) - 1) / max(1, draw.candidates - 1)
    total = sum((draw.share + (rank - 1) * both) / rank for rank in draw.ranks)
    return total / len(draw.ideal)


def _ndcg(gain: Callable[[int], float]) -> Callable[[_Draw], float]:
    """Expect at every rank the mean gain of the candidates."""

    def formula(draw: _Draw) -> float:
        mean = sum(map(gain, draw.gains)) / draw.candidates
        ideal = [gain(grade) for grade in draw.ideal[: draw.cutoff]]
        best = sum(value / log2(rank + 1) for rank, value in enumerate(ideal, start=1))
        return sum(mean / log2(rank + 1) for rank in draw.ranks) / best

    return formula


_FORMULAS: dict[str, Callable[[_Draw], float]] = {
    "mrr": _reciprocal_rank,
    "map": _average_precision,
    "ndcg": _ndcg(float),
    "ndcg_burges": _ndcg(lambda grade: 2.0**grade - 1),
    "recall": _recall,
    "precision": _precision,
    "hit_rate": _hit_rate,
    "f1": _f1,
    "r-precision": _r_precision,
}
