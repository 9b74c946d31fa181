"""Runs against judgements: what every run is worth for every query of the qrels.

Means are over all queries of the qrels: a query that a run forgot counts 0, and so does one that
nothing is relevant to. Passages that nobody judged are not relevant.
"""

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cstool import chance, measures, runs
from cstool.errors import CstoolError, DataError
from cstool.measures import UNJUDGED, Measure, Ranking
from cstool.records import Hit, Qrel, Score
from cstool.runfiles import UNKNOWN, RunFile

FIRST_STAGE, CHANCE, ORACLE = "first stage", "chance", "oracle"
ORDERS: dict[str, Callable[[Iterable[Hit]], list[Hit]]] = {
    "pid": runs.order,
    "trec_eval": runs.order_trec_eval,
}
Values = Mapping[Measure, Sequence[float]]  # one value per query of the qrels, in their order


@dataclass(frozen=True)
class Judgements:
    """The qrels, query by query: grades, best first, and where the grade of a passage stands."""

    qids: Sequence[str]
    grades: Sequence[Sequence[int]]
    places: Sequence[Mapping[str, int]]

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
        ordered = [sorted(found.items(), key=lambda item: -item[1]) for found in judged.values()]
        return cls(
            qids=list(judged),
            grades=[[grade for _, grade in items] for items in ordered],
            places=[{pid: place for place, (pid, _) in enumerate(items)} for items in ordered],
        )

    def rankings(self, run: Mapping[str, Sequence[Hit]]) -> list[list[int]]:
        """Say where the grade of each hit stands, query by query (see `measures`)."""
        return [
            [places.get(hit.pid, UNJUDGED) for hit in run.get(qid, ())]
            for qid, places in zip(self.qids, self.places, strict=True)
        ]


@dataclass(frozen=True)
class Result:
    """What one run is worth, and what its hits are worth in a random and in the best order."""

    run: RunFile
    values: Values
    chance: Values | None = None
    oracle: Values | None = None


@dataclass
class Evaluation:
    """Collects what runs are worth against the same judgements."""

    judged: Judgements
    measures: Sequence[Measure]
    ties: str = "pid"
    results: list[Result] = field(default_factory=list)
    first: list[Result] = field(default_factory=list)
    forgotten: int = 0  # queries of the qrels without hits, summed over systems' runs
    unjudged: int = 0  # queries that are not in the qrels, summed over systems' runs

    def add(self, run: RunFile, hits: Iterable[Hit]) -> None:
        """Evaluate a run; CstoolError if it shares no query with the qrels."""
        if run.system in (FIRST_STAGE, CHANCE, ORACLE):
            raise CstoolError(f"{run.path}: a system cannot be called {run.system!r}")
        found = self._read(run, hits)
        rankings = self.judged.rankings(found)
        covered = sum(map(bool, rankings))
        self.forgotten += len(rankings) - covered
        self.unjudged += len(found) - covered
        self.results.append(self._result(run, rankings, bounds=not self.first))

    def add_first_stage(self, same: Sequence[RunFile], hits: Iterable[Hit], depth: int) -> None:
        """Take the best hits of a run as the candidates of these pairs; comes before `add`."""
        found = {qid: ranked[:depth] for qid, ranked in self._read(same[0], hits).items()}
        result = self._result(same[0], self.judged.rankings(found), bounds=True)
        self.first += [replace(result, run=run) for run in same]

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
                bounds[name].append(
                    Result(replace(result.run, system=system, seed=seed), values or {})
                )
        return bounds[CHANCE] + self.first + self.results + bounds[ORACLE]

    def scores(self) -> Iterator[Score]:
        """Yield every value of every run for every query, chance and oracle included."""
        for result in self.all():
            names = (result.run.system, *result.run.pair, result.run.seed)
            for measure, values in result.values.items():
                for qid, value in zip(self.judged.qids, values, strict=True):
                    yield Score(*names, str(measure), qid, value)

    def _read(self, run: RunFile, hits: Iterable[Hit]) -> runs.Run:
        try:
            found = runs.by_query(hits)
        except DataError:
            raise  # it names the file, and the line
        except CstoolError as error:
            raise CstoolError(f"{run.path}: {error}") from error
        if found.keys().isdisjoint(self.judged.qids):
            raise CstoolError(f"{run.path}: none of its {len(found)} queries is in the qrels")
        order = ORDERS[self.ties]
        return {qid: order(ranked) for qid, ranked in found.items()}

    def _result(self, run: RunFile, rankings: Sequence[Ranking], *, bounds: bool) -> Result:
        values = self._values(rankings)
        if not bounds:
            return Result(run, values)
        random = {
            measure: array("d", chance.expected(measure, self.judged.grades, rankings))
            for measure in self.measures
        }
        # Grades are best first: the best order of the hits is that of the places of their grades.
        best = [
            sorted(ranking, key=lambda place: (place == UNJUDGED, place)) for ranking in rankings
        ]
        return Result(run, values, random, self._values(best))

    def _values(self, rankings: Sequence[Ranking]) -> Values:
        values = measures.values(self.measures, self.judged.grades, rankings)
        return {measure: array("d", found) for measure, found in values.items()}
