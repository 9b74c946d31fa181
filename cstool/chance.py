"""What a random order of the candidates is worth: exact expectations, no sampling.

All N! orders of a query's N candidates are equally likely. Every measure here but RR and hit rate
is a sum over ranks of terms whose expectation is known, so the expectation of the sum is exact; RR
and hit rate follow from the rank of the first relevant passage, which is negative hypergeometric.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log2

from cstool.measures import Grades, Measure, Ranking, gain, ideal


@dataclass(frozen=True)
class _Draw:
    """A query: N candidates of which r are relevant with these gains, R relevant at all."""

    measure: Measure
    candidates: int
    gains: Sequence[int]
    relevant: Sequence[int]  # grades of all relevant passages, candidates or not, best first
    wrong: int  # candidates that are judged and not relevant
    all_wrong: int  # judged and not relevant, candidates or not

    @property
    def ranks(self) -> range:
        """Give the ranks that count."""
        return range(1, min(self.depth, self.candidates) + 1)

    @property
    def depth(self) -> int:
        """Give how many passages are looked at: the cutoff, or all candidates."""
        return self.measure.cutoff or self.candidates

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
        gains = [grade for grade in ranking.grades if grade >= measure.level]
        relevant = [grade for grade in judged if grade >= measure.level]
        wrong = len(ranking.grades) - len(gains), len(judged) - len(relevant)
        draw = _Draw(measure, ranking.hits, gains, relevant, *wrong)
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
    return _hits(draw) / len(draw.relevant)


def _precision(draw: _Draw) -> float:
    return _hits(draw) / draw.depth


def _f1(draw: _Draw) -> float:
    """Use that F1 = 2 hits / (k + R) is linear in the hits."""
    return 2 * _hits(draw) / (draw.depth + len(draw.relevant))


def _r_precision(draw: _Draw) -> float:
    """Precision at R, where R is the number of relevant passages."""
    cutoff = len(draw.relevant)
    return min(cutoff, draw.candidates) * draw.share / cutoff


def _average_precision(draw: _Draw) -> float:
    """Sum E[X_i (X_1 + ... + X_i)] / i over ranks, over R; X_i tells whether rank i is relevant.

    E[X_i] = r / N and, for j before i, E[X_j X_i] = r (r - 1) / (N (N - 1)); see Bestgen, "Exact
    expected average precision of the random baseline for system evaluation" (PBML 103, 2015).
    """
    both = draw.share * (len(draw.gains) - 1) / max(1, draw.candidates - 1)
    total = sum((draw.share + (rank - 1) * both) / rank for rank in draw.ranks)
    return total / len(draw.relevant)


def _dcg(draw: _Draw) -> float:
    """Expect at every rank the mean gain of the candidates."""
    mean = sum(map(gain(draw.measure), draw.gains)) / draw.candidates
    return sum(mean / log2(rank + 1) for rank in draw.ranks)


def _ndcg(draw: _Draw) -> float:
    return _dcg(draw) / ideal(draw.measure, draw.relevant)


def _bpref(draw: _Draw) -> float:
    """Use that 0, 1, ... n of the n wrong candidates are equally likely above a relevant one."""
    relevant = len(draw.relevant)
    above = sum(min(count, relevant) for count in range(draw.wrong + 1)) / (draw.wrong + 1)
    lost = above / min(relevant, draw.all_wrong) if above else 0.0
    return len(draw.gains) * (1 - lost) / relevant


def _rbp(draw: _Draw) -> float:
    """Sum p^(i-1) (1 - p) P(relevant at rank i): a geometric series."""
    patience = float(f"0.{draw.measure.patience}")
    return draw.share * (1 - patience**draw.candidates)


_FORMULAS: dict[str, Callable[[_Draw], float]] = {
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
