"""What a measure is worth for queries that are alike in something: overlap, length, coverage.

Every pair of languages and every query is one case; a system's value for it is the mean over seeds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf

from cstool import words
from cstool.evaluate import Evaluation, Result
from cstool.groups import KINDS, Pair, kind
from cstool.measures import Measure
from cstool.results import MISSING, Listing

Texts = Callable[[str], Mapping[str, str]]  # of a language: id to text

SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
LENGTHS = (3.0, 5.0, 8.0, 12.0, inf)
FERTILITIES = (1.25, 1.5, 2.0, 3.0, inf)


@dataclass(frozen=True)
class Trait:
    """Something that a query of a pair has, as a number; `edges` are the ends of its bins.

    `of` gives None where it cannot be told. The first bin ends at the first edge, inclusive.
    """

    title: str
    edges: Sequence[float]
    of: Callable[[Pair, str, Mapping[str, int]], float | None]
    note: str


def binned(evaluation: Evaluation, measure: Measure, trait: Trait) -> list[Listing]:
    """Average a measure over the cases of each bin, for every kind of retrieval."""
    groups: dict[str, list[Result]] = {}
    for result in evaluation.results:
        groups.setdefault(kind(result.run.pair) or "all", []).append(result)
    order = [name for name in (*KINDS, "all") if name in groups]
    return [_listing(groups[name], measure, trait, name) for name in order]


def _listing(results: Sequence[Result], measure: Measure, trait: Trait, name: str) -> Listing:
    places: dict[tuple[Pair, str], int | None] = {}
    seeds: dict[str, dict[tuple[Pair, str], list[float]]] = {}
    for result in results:
        judged = result.judged
        values = result.values[measure]
        for qid, passages, value in zip(judged.qids, judged.passages, values, strict=True):
            case = result.run.pair, qid
            if case not in places:
                places[case] = _bin(trait.of(result.run.pair, qid, passages), trait.edges)
            seeds.setdefault(result.run.system, {}).setdefault(case, []).append(value)
    bins = range(len(trait.edges))
    counts = [sum(place == one for place in places.values()) for one in bins]
    rows = [["(cases)", *map(str, counts)]]
    for system, cases in seeds.items():
        means: list[list[float]] = [[] for _ in bins]
        for case, found in cases.items():
            if (place := places[case]) is not None:
                means[place].append(sum(found) / len(found))
        rows.append([system, *(f"{sum(x) / len(x):.3f}" if x else MISSING for x in means)])
    unknown = sum(place is None for place in places.values())
    notes = [trait.note] + ([f"It cannot be told for {unknown} cases."] if unknown else [])
    return Listing(
        f"{measure} by {trait.title}, {name}", ["system", *_names(trait.edges)], rows, notes
    )


def _bin(value: float | None, edges: Sequence[float]) -> int | None:
    if value is None:
        return None
    return next(place for place, edge in enumerate(edges) if value <= edge + 1e-9)


def _names(edges: Sequence[float]) -> list[str]:
    names = [f"0 to {edges[0]:g}" if edges[0] else "0"]
    for low, high in pairwise(edges):
        names.append(f"over {low:g}" if high == inf else f"to {high:g}")
    return names


def keys(text: str) -> list[str]:
    """Give the words of a text as they are compared: without regard to case."""
    return [words.key(text[start:end]) for start, end in words.units(text)]


def overlap(queries: Texts, passages: Texts) -> Trait:
    """Share of the query's different words that its relevant passage has (the best one of them)."""

    def of(pair: Pair, qid: str, judged: Mapping[str, int]) -> float | None:
        asked = set(keys(queries(pair[0]).get(qid, "")))
        found = [passages(pair[1]).get(pid) for pid, grade in judged.items() if grade > 0]
        texts = [text for text in found if text is not None]
        if not asked or not texts:
            return None
        return max(len(asked.intersection(keys(text))) / len(asked) for text in texts)

    return Trait(
        "lexical overlap",
        SHARES,
        of,
        "Lexical overlap: share of the query's different words that its relevant passage has.",
    )


def length(queries: Texts) -> Trait:
    """Words of the query."""

    def of(pair: Pair, qid: str, judged: Mapping[str, int]) -> float | None:
        text = queries(pair[0]).get(qid)
        return None if text is None else float(len(keys(text)))

    return Trait("query length", LENGTHS, of, "Query length in words; a Chinese letter is one.")


def coverage(queries: Texts, known: Callable[[str], frozenset[str]]) -> Trait:
    """Share of the query's words that a lexicon knows in their language."""

    def of(pair: Pair, qid: str, judged: Mapping[str, int]) -> float | None:
        asked = keys(queries(pair[0]).get(qid, ""))
        there = known(pair[0])
        return sum(word in there for word in asked) / len(asked) if asked and there else None

    return Trait(
        "lexicon coverage",
        SHARES,
        of,
        "Lexicon coverage: share of the query's words that the lexicon has, those of its source "
        "language among its sources, others among its targets.",
    )


def fertility(queries: Texts, tokens: Callable[[str], int]) -> Trait:
    """Tokens to a word of the query."""

    def of(pair: Pair, qid: str, judged: Mapping[str, int]) -> float | None:
        text = queries(pair[0]).get(qid, "")
        asked = keys(text)
        return tokens(text) / len(asked) if asked else None

    return Trait("fertility", FERTILITIES, of, "Fertility: tokens to a word of the query.")


def covered(entries: Iterable[tuple[str, str]]) -> tuple[frozenset[str], frozenset[str]]:
    """Collect the words that the sources and the targets of a lexicon consist of."""
    sources: set[str] = set()
    targets: set[str] = set()
    for source, target in entries:
        sources.update(keys(source))
        targets.update(keys(target))
    return frozenset(sources), frozenset(targets)
