"""The queries of a page: what each system found for them, and which of it is relevant."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cstool import measures, runs
from cstool.evaluate import ORDERS, Judgements
from cstool.groups import Pair
from cstool.measures import Measure
from cstool.records import Hit
from cstool.runfiles import RunFile

_LONGEST = 700  # characters of a passage that are shown

Texts = Callable[[str], Mapping[str, str]]  # id to text, of a language


@dataclass(frozen=True)
class _Found:
    """What one system found for the queries of one pair, query by query."""

    values: Mapping[str, float]
    top: Mapping[str, Sequence[str]]
    first: Mapping[str, tuple[int, str]]  # rank and id of the best relevant hit


@dataclass
class Browser:
    """Collects runs, one seed of every system, and chooses the queries that tell most."""

    measure: Measure
    queries: int = 20  # of every pair
    depth: int = 5
    ties: str = "pid"
    found: dict[Pair, dict[str, _Found]] = field(default_factory=dict)
    judged: dict[Pair, Judgements] = field(default_factory=dict)

    def add(self, run: RunFile, hits: Iterable[Hit], judged: Judgements) -> None:
        """Take in a run; CstoolError if a passage is listed twice for a query."""
        order = ORDERS[self.ties]
        ranked = {qid: order(found) for qid, found in runs.by_query(hits).items()}
        values = measures.values([self.measure], judged.grades, judged.rankings(ranked))
        relevant = dict(zip(judged.qids, judged.passages, strict=True))
        self.judged[run.pair] = judged
        self.found.setdefault(run.pair, {})[run.system] = _Found(
            dict(zip(judged.qids, values[self.measure], strict=True)),
            {qid: [hit.pid for hit in found[: self.depth]] for qid, found in ranked.items()},
            {
                qid: first
                for qid, found in ranked.items()
                if (first := self._first(found, relevant.get(qid, {}))) is not None
            },
        )

    def chosen(self, pair: Pair) -> list[str]:
        """Choose the queries whose values differ most between systems; then in their order."""
        systems = self.found[pair].values()

        def spread(qid: str) -> float:
            values = [system.values[qid] for system in systems]
            return max(values) - min(values)

        return sorted(self.judged[pair].qids, key=lambda qid: -spread(qid))[: self.queries]

    def data(self, queries: Texts, passages: Texts) -> dict[str, Any]:
        """Put everything that is shown into what JSON can hold.

        Texts are asked for once per language. A text that is not there is shown as its id.
        """
        pairs = []
        texts: dict[str, dict[str, str]] = {}
        for pair, systems in self.found.items():
            asked, found = queries(pair[0]), passages(pair[1])
            relevant = dict(zip(self.judged[pair].qids, self.judged[pair].passages, strict=True))
            shown = []
            for qid in self.chosen(pair):
                right = [pid for pid, grade in relevant[qid].items() if grade >= self.measure.level]
                results: dict[str, dict[str, Any]] = {
                    name: {
                        "value": round(system.values[qid], 4),
                        "top": system.top.get(qid, []),
                        "first": system.first.get(qid),
                    }
                    for name, system in systems.items()
                }
                wanted = {pid for one in results.values() for pid in one["top"]}
                wanted |= {one["first"][1] for one in results.values() if one["first"]}
                known = texts.setdefault(pair[1], {})
                known |= {pid: _cut(found[pid]) for pid in sorted(wanted) if pid in found}
                shown.append(
                    {
                        "qid": qid,
                        "text": asked.get(qid, ""),
                        "relevant": [pid for pid in right if pid in wanted],
                        "judged": len(right),
                        "systems": results,
                    }
                )
            pairs.append({"pair": list(pair), "queries": shown})
        return {"measure": str(self.measure), "depth": self.depth, "pairs": pairs, "texts": texts}

    def _first(self, found: Sequence[Hit], grades: Mapping[str, int]) -> tuple[int, str] | None:
        ranks = enumerate(found, start=1)
        level = self.measure.level
        return next(
            ((rank, hit.pid) for rank, hit in ranks if grades.get(hit.pid, 0) >= level), None
        )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
