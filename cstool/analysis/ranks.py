"""Analyses of whole rankings, run by run: scores that are equal, languages, consistency."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Protocol

from cstool.evaluate import Judgements
from cstool.groups import Pair, is_mixed
from cstool.records import Hit
from cstool.results import MISSING, Listing
from cstool.runfiles import RunFile

Ranked = Mapping[str, Sequence[Hit]]  # hits of each query, best first
LanguageOf = Callable[[str], str]  # of a passage, by its id
DEPTH = 10


class Watch(Protocol):
    """Looks at runs one after the other, and says what it saw."""

    def add(self, run: RunFile, ranked: Ranked, judged: Judgements) -> None:
        """Look at a run."""
        ...

    def listings(self) -> list[Listing]:
        """Say what was seen."""
        ...


@dataclass
class Ties:
    """Equal scores: how often, and how often they decide what a query is worth."""

    seen: dict[str, list[int]] = field(default_factory=dict)

    def add(self, run: RunFile, ranked: Ranked, judged: Judgements) -> None:
        """Count queries: all, with equal scores, with no others, decided by them."""
        grades = dict(zip(judged.qids, judged.passages, strict=True))
        counts = self.seen.setdefault(run.system, [0, 0, 0, 0])
        for qid, hits in ranked.items():
            different = {hit.score for hit in hits}
            counts[0] += 1
            counts[1] += len(different) < len(hits)
            counts[2] += len(hits) > 1 and len(different) == 1
            relevance: dict[float, set[bool]] = {}
            for hit in hits:
                relevant = grades.get(qid, {}).get(hit.pid, 0) > 0
                relevance.setdefault(hit.score, set()).add(relevant)
            counts[3] += any(len(kinds) > 1 for kinds in relevance.values())

    def listings(self) -> list[Listing]:
        """Give a row per system, all runs together."""
        rows = [
            [system, str(counts[0]), *(f"{100 * one / counts[0]:.1f}%" for one in counts[1:])]
            for system, counts in self.seen.items()
        ]
        note = (
            "Shares of rankings with equal scores, with one score for all hits (more than one), "
            "and in which a relevant and another passage have the same score, so that the order "
            "of ties decides."
        )
        header = ["system", "rankings", "equal scores", "one score", "decided by ties"]
        return [Listing("equal scores", header, rows, [note])]


@dataclass
class Languages:
    """Pooled collections: languages among the best hits, and ranks of the relevant in each."""

    language: LanguageOf
    best: dict[tuple[str, Pair], dict[str, int]] = field(default_factory=dict)
    pool: dict[tuple[str, Pair], dict[str, int]] = field(default_factory=dict)
    ranks: dict[tuple[str, Pair], dict[str, list[int]]] = field(default_factory=dict)

    def add(self, run: RunFile, ranked: Ranked, judged: Judgements) -> None:
        """Count the languages of a run over a mixed set; others have one language only."""
        if not is_mixed(run.passage_lang):
            return
        key = run.system, run.pair
        best, pool = self.best.setdefault(key, {}), self.pool.setdefault(key, {})
        ranks = self.ranks.setdefault(key, {})
        for qid, grades in zip(judged.qids, judged.passages, strict=True):
            hits = ranked.get(qid, ())
            places = {hit.pid: rank for rank, hit in enumerate(hits, 1)}
            for rank, hit in enumerate(hits, 1):
                language = self.language(hit.pid)
                pool[language] = pool.get(language, 0) + 1
                best[language] = best.get(language, 0) + (rank <= DEPTH)
            for pid, grade in grades.items():
                if grade > 0:
                    place = places.get(pid, len(hits) + 1)
                    ranks.setdefault(self.language(pid), []).append(place)

    def listings(self) -> list[Listing]:
        """Give the shares at DEPTH and of all hits, and the mean ranks; none without pools."""
        if not self.best:
            return []
        languages = sorted({one for found in self.pool.values() for one in found})
        shares = [
            [system, "-".join(pair), name, *(_share(found[system, pair], one) for one in languages)]
            for system, pair in self.best
            for name, found in ((f"best {DEPTH}", self.best), ("all hits", self.pool))
        ]
        spoken = sorted({one for found in self.ranks.values() for one in found})
        gaps = []
        for (system, pair), found in self.ranks.items():
            means = {one: sum(places) / len(places) for one, places in found.items()}
            gap = max(means.values()) - min(means.values())
            cells = [f"{means[one]:.1f}" if one in means else MISSING for one in spoken]
            gaps.append([system, "-".join(pair), *cells, f"{gap:.1f}"])
        return [
            Listing(
                "languages of the hits",
                ["system", "pair", "of", *languages],
                shares,
                ["Seeds together. A system without preference has the same shares in both rows."],
            ),
            Listing(
                "mean rank of relevant passages by language",
                ["system", "pair", *spoken, "gap"],
                gaps,
                [
                    "A relevant passage that is not among the hits counts as one below the last. "
                    "Gap: largest mean less smallest."
                ],
            ),
        ]


@dataclass
class Peer:
    """PEER on pooled collections (Yang, Jänich, Mayfield and Lawrie, SIGIR 2024).

    Per query, the p of a Kruskal-Wallis test that the relevant passages of all languages have the
    same expected rank; 1 is fair. Those that were not found share the last place. With at most one
    relevant passage per language p depends on the number of languages alone: such queries are left
    out.
    """

    language: LanguageOf
    values: dict[tuple[str, Pair], list[float]] = field(default_factory=dict)
    left_out: dict[tuple[str, Pair], int] = field(default_factory=dict)

    def add(self, run: RunFile, ranked: Ranked, judged: Judgements) -> None:
        """Test every query of a run over a mixed set."""
        if not is_mixed(run.passage_lang):
            return
        key = run.system, run.pair
        values = self.values.setdefault(key, [])
        for qid, grades in zip(judged.qids, judged.passages, strict=True):
            hits = ranked.get(qid, ())
            places = {hit.pid: rank for rank, hit in enumerate(hits, 1)}
            ranks: dict[str, list[int]] = {}
            for pid, grade in grades.items():
                if grade > 0:
                    place = places.get(pid, len(hits) + 1)
                    ranks.setdefault(self.language(pid), []).append(place)
            if len(ranks) < 2 or max(map(len, ranks.values())) < 2:
                self.left_out[key] = self.left_out.get(key, 0) + 1
            else:
                values.append(fairness(list(ranks.values())))

    def listings(self) -> list[Listing]:
        """Give the mean per system and pair, and the queries that it is over."""
        if not self.values:
            return []
        rows = [
            [
                system,
                "-".join(pair),
                f"{sum(found) / len(found):.3f}" if found else MISSING,
                str(len(found)),
                str(self.left_out.get((system, pair), 0)),
            ]
            for (system, pair), found in self.values.items()
        ]
        note = (
            "PEER: mean p of a Kruskal-Wallis test that relevant passages of all languages have "
            "the same expected rank. Queries with fewer than two languages, or with one relevant "
            "passage in each, are left out: there p is the same whatever the ranking."
        )
        header = ["system", "pair", "PEER", "queries", "left out"]
        return [Listing("language fairness (PEER)", header, rows, [note])]


def fairness(ranks: Sequence[Sequence[int]]) -> float:
    """Test whether groups of ranks have the same expectation: the p of Kruskal and Wallis (1952).

    All ranks equal, as when nothing was found, is no sign of unfairness: 1.
    """
    from scipy.stats import kruskal

    if len({rank for found in ranks for rank in found}) == 1:
        return 1.0
    return float(kruskal(*ranks).pvalue)


@dataclass
class Consistency:
    """The same query in several languages: how alike are the rankings of the same passages?"""

    best: dict[tuple[str, str, str], dict[str, dict[str, Sequence[str]]]] = field(
        default_factory=dict
    )

    def add(self, run: RunFile, ranked: Ranked, judged: Judgements) -> None:
        """Keep the ranking of each query, by the language it was asked in."""
        key = run.system, run.passage_lang, run.seed
        found = self.best.setdefault(key, {})
        found[run.query_lang] = {
            qid: [hit.pid for hit in ranked[qid][:DEPTH]] for qid in judged.qids if qid in ranked
        }

    def listings(self) -> list[Listing]:
        """Give the mean overlap over all pairs of query languages, a row per passage language."""
        overlaps: dict[tuple[str, str], list[float]] = {}
        languages: dict[tuple[str, str], set[str]] = {}
        for (system, passages, _), asked in self.best.items():
            for one, other in combinations(sorted(asked), 2):
                languages.setdefault((system, passages), set()).update((one, other))
                overlaps.setdefault((system, passages), []).extend(
                    _overlap(found, asked[other][qid])
                    for qid, found in asked[one].items()
                    if qid in asked[other]
                )
        rows = [
            [
                system,
                passages,
                ", ".join(sorted(languages[system, passages])),
                f"{sum(found) / len(found):.3f}" if found else MISSING,
            ]
            for (system, passages), found in overlaps.items()
        ]
        if not rows:
            return []
        note = (
            f"Share of the best {DEPTH} passages that are the same for two languages of the query, "
            "mean over queries and pairs of languages; 1 is consistent."
        )
        header = ["system", "passages", "queries in", f"overlap@{DEPTH}"]
        return [Listing("consistency over query languages", header, rows, [note])]


def _overlap(one: Sequence[str], other: Sequence[str]) -> float:
    return len(set(one) & set(other)) / max(len(one), len(other), 1)


def _share(found: Mapping[str, int], language: str) -> str:
    total = sum(found.values())
    return f"{100 * found.get(language, 0) / total:.1f}%" if total else MISSING
