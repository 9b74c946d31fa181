"""Runs against judgements: what every run is worth for every query of the qrels.

Means are over all queries of the qrels: a query that a run forgot counts 0, and so does one that
nothing is relevant to. Passages that nobody judged are not relevant.
"""

import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from cstool import chance, measures, runs
from cstool.errors import CstoolError, DataError
from cstool.measures import Measure, Ranking
from cstool.records import Hit, Qrel, Score
from cstool.runfiles import UNKNOWN, RunFile

FIRST_STAGE, CHANCE, ORACLE = "first stage", "chance", "oracle"
ORDERS: dict[str, Callable[[Iterable[Hit]], list[Hit]]] = {
    "pid": runs.order,
    "trec_eval": runs.order_trec_eval,
}
Compute = Callable[
    [Iterable[Measure], Sequence[measures.Grades], Sequence[Ranking]], dict[Measure, list[float]]
]
_values = measures.values  # a class below has a field of that module's name
Values = Mapping[Measure, Sequence[float]]  # one value per query of the qrels, in their order


@dataclass(frozen=True)
class Judgements:
    """The qrels, query by query: the grades, best first, and the grade of each passage."""

    qids: Sequence[str]
    grades: Sequence[Sequence[int]]
    passages: Sequence[Mapping[str, int]]

    @classmethod
    def of(cls, qrels: Iterable[Qrel]) -> "Judgements":
        """Collect judgements; CstoolError if there are none, or two for the same passage."""
        judged: dict[str, dict[str, int]] = {}
        for qrel in qrels:
            grades = judged.setdefault(qrel.qid, {})
            if qrel.pid in grades:
                raise CstoolError(f"qrels: query {qrel.qid}: passage {qrel.pid} is judged twice")
            grades[qrel.pid] = qrel.relevance
        if not judged:
            raise CstoolError("the qrels are empty, there is nothing to evaluate against")
        return cls(
            qids=list(judged),
            grades=[sorted(found.values(), reverse=True) for found in judged.values()],
            passages=list(judged.values()),
        )

    @cached_property
    def digest(self) -> str:
        """Tell these judgements from all others."""
        pairs = zip(self.qids, self.passages, strict=True)
        return hashlib.sha256(
            repr([(qid, dict(found)) for qid, found in pairs]).encode()
        ).hexdigest()

    @property
    def barren(self) -> int:
        """Count the queries that nothing is relevant to: every system has 0 for them."""
        return sum(grades[0] < 1 for grades in self.grades)

    def rankings(self, run: Mapping[str, Sequence[Hit]]) -> list[Ranking]:
        """Say where the judged hits stand, query by query."""
        return [
            _ranking(run.get(qid, ()), passages)
            for qid, passages in zip(self.qids, self.passages, strict=True)
        ]


@dataclass(frozen=True)
class Result:
    """What one run is worth, and what its hits are worth in a random and in the best order."""

    run: RunFile
    judged: Judgements
    values: Values
    chance: Values | None = None
    oracle: Values | None = None
    forgotten: Sequence[str] = ()  # queries of the qrels without hits


@dataclass
class Evaluation:
    """Collects what runs are worth; `judgements` gives those of a pair of languages."""

    judgements: Callable[[tuple[str, str]], Judgements]
    measures: Sequence[Measure]
    ties: str = "pid"
    compute: Compute = _values
    results: list[Result] = field(default_factory=list)
    first: list[Result] = field(default_factory=list)
    forgotten: int = 0  # queries of the qrels without hits, summed over systems' runs
    unjudged: int = 0  # queries that are not in the qrels, summed over systems' runs

    def add(self, run: RunFile, hits: Iterable[Hit]) -> Result:
        """Evaluate a run; CstoolError if it shares no query with the qrels."""
        judged = self.judgements(run.pair)
        found = self.read(run, hits)
        return self.add_ranked(run, judged.rankings(found), len(found))

    def add_ranked(self, run: RunFile, rankings: Sequence[Ranking], queries: int) -> Result:
        """Evaluate a run of so many queries that has been ranked; otherwise the same."""
        if run.system in (FIRST_STAGE, CHANCE, ORACLE):
            raise CstoolError(f"{run.path}: a system cannot be called {run.system!r}")
        judged = self.judgements(run.pair)
        _check_shared(run, rankings, queries)
        result = self._result(run, judged, rankings, bounds=not self.first)
        self.forgotten += len(result.forgotten)
        self.unjudged += queries - (len(judged.qids) - len(result.forgotten))
        self.results.append(result)
        return result

    def add_first_stage(self, same: Sequence[RunFile], hits: Iterable[Hit], depth: int) -> None:
        """Take the best hits of a run as the candidates of these pairs; comes before `add`."""
        found = {qid: ranked[:depth] for qid, ranked in self.read(same[0], hits).items()}
        for judged, some in self.alike(same):
            self.add_ranked_first_stage(some, judged.rankings(found), len(found))

    def add_ranked_first_stage(
        self, same: Sequence[RunFile], rankings: Sequence[Ranking], queries: int
    ) -> None:
        """Take ranked candidates for pairs with the same judgements; otherwise the same."""
        _check_shared(same[0], rankings, queries)
        judged = self.judgements(same[0].pair)
        result = self._result(same[0], judged, rankings, bounds=True)
        self.first += [replace(result, run=run) for run in same]

    def alike(self, runs: Iterable[RunFile]) -> list[tuple[Judgements, list[RunFile]]]:
        """Put runs together whose pairs have the same judgements."""
        found: dict[int, tuple[Judgements, list[RunFile]]] = {}
        for run in runs:
            judged = self.judgements(run.pair)
            found.setdefault(id(judged), (judged, []))[1].append(run)
        return list(found.values())

    def all(self) -> list[Result]:
        """Give chance, the first stage, the systems and the oracle, in this order.

        Chance and oracle are what the candidates are worth in a random and in the best order: those
        of the first stage, or else each run's own hits. Where runs of the same pair differ in that,
        chance and oracle are named after their system.
        """
        origin = self.first or self.results
        shared: dict[tuple[str, str], Result] = {}
        same = all(
            (one := shared.setdefault(result.run.pair, result)).chance == result.chance
            and one.oracle == result.oracle
            for result in origin
        )
        bounds: dict[str, list[Result]] = {CHANCE: [], ORACLE: []}
        for result in shared.values() if same else origin:
            for name, values in ((CHANCE, result.chance), (ORACLE, result.oracle)):
                system = name if same else f"{name} ({result.run.system})"
                seed = UNKNOWN if same else result.run.seed
                run = replace(result.run, system=system, seed=seed)
                bounds[name].append(Result(run, result.judged, values or {}))
        return bounds[CHANCE] + self.first + self.results + bounds[ORACLE]

    def scores(self) -> Iterator[Score]:
        """Yield every value of every run for every query, chance and oracle included."""
        for result in self.all():
            names = (result.run.system, *result.run.pair, result.run.seed)
            for measure, values in result.values.items():
                for qid, value in zip(result.judged.qids, values, strict=True):
                    yield Score(*names, str(measure), qid, value)

    def read(self, run: RunFile, hits: Iterable[Hit]) -> runs.Run:
        """Put the hits of a run in order, by query; CstoolError for a passage listed twice."""
        try:
            found = runs.by_query(hits)
        except DataError:
            raise  # it names the file, and the line
        except CstoolError as error:
            raise CstoolError(f"{run.path}: {error}") from error
        order = ORDERS[self.ties]
        return {qid: order(ranked) for qid, ranked in found.items()}

    def _result(
        self, run: RunFile, judged: Judgements, rankings: Sequence[Ranking], *, bounds: bool
    ) -> Result:
        values = self._values(judged, rankings)
        pairs = zip(judged.qids, rankings, strict=True)
        forgotten = [qid for qid, ranking in pairs if not ranking.hits]
        if not bounds:
            return Result(run, judged, values, forgotten=forgotten)
        random = {
            measure: array("d", chance.expected(measure, judged.grades, rankings))
            for measure in self.measures
        }
        best = [
            Ranking(one.hits, range(1, len(one.grades) + 1), sorted(one.grades, reverse=True))
            for one in rankings
        ]
        return Result(run, judged, values, random, self._values(judged, best), forgotten)

    def _values(self, judged: Judgements, rankings: Sequence[Ranking]) -> Values:
        values = self.compute(self.measures, judged.grades, rankings)
        return {measure: array("d", found) for measure, found in values.items()}


def _check_shared(run: RunFile, rankings: Iterable[Ranking], queries: int) -> None:
    if not any(ranking.hits for ranking in rankings):
        raise CstoolError(f"{run.path}: none of its {queries} queries is in the qrels")


def _ranking(hits: Sequence[Hit], judged: Mapping[str, int]) -> Ranking:
    found = [(rank, judged[hit.pid]) for rank, hit in enumerate(hits, 1) if hit.pid in judged]
    return Ranking(len(hits), [rank for rank, _ in found], [grade for _, grade in found])
