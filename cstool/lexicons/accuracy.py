"""How good a lexicon is: precision and coverage against a gold dictionary.

It counts as MUSE's evaluation of word translation does (Conneau et al. 2018, arXiv 1710.04087): a
source word counts once, however many gold translations it has, and is a hit at k if any of the
lexicon's first k translations is one of them. MUSE asks for the k nearest neighbours of every word
that it has a vector for, and leaves out gold pairs whose target has none; a lexicon tells nothing
about the words it lacks, so here every gold pair counts. Letter case does not count.
"""

from collections import defaultdict
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from cstool import words
from cstool.lexicons import store
from cstool.records import Entry
from cstool.significance import ALPHA, Interval

CUTOFFS = (1, 5, 10)

Gold = Mapping[str, frozenset[str]]  # key of a source -> keys of its translations


@dataclass(frozen=True)
class Share:
    """A number of words out of others, and where its share lies with 95 % confidence."""

    count: int
    of: int

    @property
    def value(self) -> float:
        """Give the share; of nothing it is 0."""
        return self.count / self.of if self.of else 0.0

    @property
    def interval(self) -> Interval:
        """Give Wilson's interval (1927), which holds for shares near 0 and 1 as well."""
        from scipy.stats import binomtest

        if not self.of:
            return Interval(0.0, 1.0)
        found = binomtest(self.count, self.of).proportion_ci(1 - ALPHA, method="wilson")
        return Interval(float(found.low), float(found.high))


@dataclass(frozen=True)
class Accuracy:
    """What a lexicon knows of the source words of a gold dictionary.

    `hits` has the number of words that are a hit, for each of CUTOFFS.
    """

    gold: int
    covered: int
    hits: Mapping[int, int]

    @property
    def coverage(self) -> Share:
        """Give the share of the gold source words that the lexicon has."""
        return Share(self.covered, self.gold)

    def precision(self, cutoff: int, *, covered: bool) -> Share:
        """Give the share of hits: of the words that the lexicon has, or of all gold words."""
        return Share(self.hits[cutoff], self.covered if covered else self.gold)


def gold(pairs: Iterable[Entry], without: Container[str] = ()) -> Gold:
    """Collect gold translations; sources whose keys are in `without` (seed pairs) are held out."""
    translations: dict[str, set[str]] = defaultdict(set)
    for pair in pairs:
        source = store.source_key(pair.source)
        if source not in without:
            translations[source].add(words.key(pair.target))
    return {source: frozenset(targets) for source, targets in translations.items()}


def evaluate(entries: Iterable[Entry], gold: Gold) -> Accuracy:
    """Compare a lexicon, the best translations first, with a gold dictionary."""
    best: dict[str, dict[str, None]] = {}
    for entry in entries:
        source = store.source_key(entry.source)
        if source in gold:
            known = best.setdefault(source, {})
            if len(known) < max(CUTOFFS):
                known[words.key(entry.target)] = None
    hits = {
        cutoff: sum(
            not gold[source].isdisjoint(list(known)[:cutoff]) for source, known in best.items()
        )
        for cutoff in CUTOFFS
    }
    return Accuracy(len(gold), len(best), hits)
