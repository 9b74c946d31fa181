"""Training examples: a query's relevant passage, and passages that do not answer it."""

import math
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from cstool.records import Example, Qrel, Text, Triple
from cstool.runs import Run
from cstool.settings import Sampling


@dataclass
class Account:
    """What was made, and what there was too little of."""

    positives: int = 0
    negatives: int = 0
    hard: int = 0  # of the negatives
    queries_without_positive: int = 0
    lacking: int = 0  # negatives, because there are no more passages
    lacking_hard: int = 0  # of the hard ones, for which random ones were taken
    too_near: int = 0  # hits within the relative margin of a positive, which may well be answers

    def summary(self) -> dict[str, int]:
        """Give all counts by name."""
        return asdict(self)


def from_qrels(
    queries: Mapping[str, str],
    passages: Mapping[str, str],
    qrels: Iterable[Qrel],
    *,
    sampling: Sampling,
    account: Account,
    run: Run | None = None,
) -> Iterator[Example]:
    """Yield each relevant passage of each query (label 1), then its negatives (label 0).

    Negatives are drawn anew for each positive: first the hard ones, from the best hits of `run`,
    the rest from all passages. None is relevant to the query, none has the text of a relevant
    passage, none comes twice. With a relative margin, no hard one has in `run` more than that share
    less than the score of its positive (de Souza Moreira et al. 2024, arXiv 2407.15831, section
    3.2, TopK-PercPos); of a positive that is not in `run` nothing is known, so it gets random ones.
    What is drawn depends on the seed, the ids and the set of passages,
    not on their order. All ids of qrels and run have to be known.
    """
    relevant: dict[str, dict[str, None]] = defaultdict(dict)
    for qrel in qrels:
        if qrel.relevance >= 1:
            relevant[qrel.qid][qrel.pid] = None
    pool = sorted(passages)
    copies = _copies(passages, {pid for pids in relevant.values() for pid in pids})
    for qid, query in queries.items():
        if qid not in relevant:
            account.queries_without_positive += 1
            continue
        excluded = {copy for pid in relevant[qid] for copy in copies[passages[pid]]}
        ranked = (run or {}).get(qid, [])
        scores = {hit.pid: hit.score for hit in ranked}
        others = [hit for hit in ranked[: sampling.hard_depth] if hit.pid not in excluded]
        for pid in relevant[qid]:
            below = _below(scores.get(pid), sampling.relative_margin)
            hard = sorted(hit.pid for hit in others if hit.score <= below)
            account.too_near += len(others) - len(hard)
            rng = random.Random(f"{sampling.seed}/{qid}/{pid}")
            drawn = _draw(rng, hard, sampling.hard, set())
            account.hard += len(drawn)
            account.lacking_hard += sampling.hard - len(drawn)
            drawn += _draw(rng, pool, sampling.negatives - len(drawn), excluded.union(drawn))
            account.positives += 1
            account.negatives += len(drawn)
            account.lacking += sampling.negatives - len(drawn)
            yield Example(qid, query, pid, passages[pid], 1)
            for negative in drawn:
                yield Example(qid, query, negative, passages[negative], 0)


def from_triples(
    triples: Iterable[Triple],
    query: Callable[[str], Text],
    passage: Callable[[str], Text],
    *,
    negatives: int,
    account: Account,
    grouped: bool = False,
) -> Iterator[Example]:
    """Yield one example per triple: one positive, then `negatives` negatives, and so on.

    Grouped, each triple gives both its passages instead, for losses that compare them.

    This is how the paper samples MS MARCO's triples: each triple gives its query with its positive
    or with its negative passage, so the queries of successive examples differ. `query` and
    `passage` turn a field of a triple, an id or a text, into a record.
    """
    for number, triple in enumerate(triples):
        asked = query(triple.query)
        for positive in (True, False) if grouped else (number % (negatives + 1) == 0,):
            account.positives += positive
            account.negatives += not positive
            found = passage(triple.positive if positive else triple.negative)
            yield Example(asked.id, asked.text, found.id, found.text, int(positive))


def with_texts(
    examples: Iterable[Example],
    query: Callable[[str], str] | None,
    passage: Callable[[str], str] | None,
) -> Iterator[Example]:
    """Put other versions of the texts, such as code-switched ones, into examples.

    Each is found by its id, and None leaves a side as it is. Everything else was decided by the
    texts as they were: a switched passage does not show that it is a copy of the relevant one.
    """
    for example in examples:
        yield replace(
            example,
            query=query(example.qid) if query else example.query,
            passage=passage(example.pid) if passage else example.passage,
        )


def _below(positive: float | None, margin: float | None) -> float:
    """Give the highest score that a hard negative of this positive may have."""
    if margin is None:
        return math.inf
    return -math.inf if positive is None else positive - margin * abs(positive)


def _copies(passages: Mapping[str, str], pids: Iterable[str]) -> dict[str, list[str]]:
    """List, for the texts of some passages, every passage with that text."""
    copies: dict[str, list[str]] = {passages[pid]: [] for pid in pids}
    for pid, text in passages.items():
        if text in copies:
            copies[text].append(pid)
    return copies


def _draw(rng: random.Random, pool: list[str], count: int, excluded: set[str]) -> list[str]:
    """Draw without repetition, as many as there are."""
    # As many more are drawn as could turn out to be excluded: no pass over a large pool.
    drawn = rng.sample(pool, min(len(pool), count + len(excluded)))
    return [pid for pid in drawn if pid not in excluded][:count]
