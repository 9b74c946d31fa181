"""Lexicons from lexicons: merged, and restricted to a part.

Equal are sources with the same key, for that is how texts are matched with them, and targets that
differ in nothing but case. `dictionaries.ranked` of `store.invert` turns a lexicon round.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence

from cstool import words
from cstool.lexicons import store
from cstool.lexicons.vocabulary import occurs
from cstool.records import Entry

_Ranked = dict[str, dict[str, tuple[int, Entry]]]  # source key -> target key -> rank from 1, entry


def merge(
    lexicons: Sequence[Iterable[Entry]], how: str, weights: Sequence[float] | None = None
) -> Iterator[Entry]:
    """Make one lexicon of several of the same two languages, the best translation first.

    `how` is one of three. The "union" has the translations of all lexicons, the "intersection"
    those that all of them give. Their score is the weighted mean of one by their rank in each
    lexicon, zero where it lacks them; the scores themselves count for nothing, as those of two
    lexicons (counts, cosines) do not compare. "priority" takes all translations of a source from
    the first lexicon that has it, with their scores, and has no use for weights.

    Equal scores come in the order of the lexicons, and words are written as in the first lexicon
    that has them. Sources come in the order of the first lexicon, then what the next ones add.
    """
    tables = [_ranked(entries) for entries in lexicons]
    shares = _shares(weights or [1.0] * len(tables))
    for source in dict.fromkeys(key for table in tables for key in table):
        found = [table.get(source, {}) for table in tables]
        known = [candidates for candidates in found if candidates]
        form = next(iter(known[0].values()))[1].source
        if how == "priority":
            for _, entry in known[0].values():
                yield Entry(form, entry.target, entry.score)
        elif how == "union" or len(known) == len(tables):
            yield from _scored(form, found, shares, everywhere=how == "intersection")


def restrict(
    entries: Iterable[Entry],
    left_out: Counter[str],
    *,
    vocabulary: Collection[str] | None = None,
    max_translations: int | None = None,
    min_score: float = -math.inf,
) -> Iterator[Entry]:
    """Yield the entries that a text with these words can use, the best ones of each source.

    `vocabulary` holds keys of words (`words.key`): all words of a source must be among them. Of the
    translations with at least `min_score` the first `max_translations` are taken. `left_out` counts
    by reason.
    """
    taken: Counter[str] = Counter()
    for entry in entries:
        source = store.source_key(entry.source)
        if vocabulary is not None and not occurs(entry.source, vocabulary):
            left_out["not in the vocabulary"] += 1
        elif entry.score < min_score:
            left_out["below the score"] += 1
        elif max_translations is not None and taken[source] >= max_translations:
            left_out["beyond the best"] += 1
        else:
            taken[source] += 1
            yield entry


def _ranked(entries: Iterable[Entry]) -> _Ranked:
    table: _Ranked = defaultdict(dict)
    for entry in entries:
        known = table[store.source_key(entry.source)]
        known.setdefault(words.key(entry.target), (len(known) + 1, entry))
    return table


def _shares(weights: Sequence[float]) -> list[float]:
    return [weight / math.fsum(weights) for weight in weights]


def _scored(
    form: str,
    found: Sequence[dict[str, tuple[int, Entry]]],
    shares: Sequence[float],
    *,
    everywhere: bool,
) -> Iterator[Entry]:
    parts: dict[str, list[float]] = defaultdict(list)
    forms: dict[str, str] = {}
    for candidates, share in zip(found, shares, strict=True):
        for target, (rank, entry) in candidates.items():
            parts[target].append(share / rank)
            forms.setdefault(target, entry.target)
    # fsum: the order in which lexicons are named must not move a score by a last digit.
    scores = {
        target: math.fsum(given)
        for target, given in parts.items()
        if len(given) == len(found) or not everywhere
    }
    for target in sorted(scores, key=lambda target: -scores[target]):
        yield Entry(form, forms[target], scores[target])
