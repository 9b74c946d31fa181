"""The pieces of a unigram tokenizer, learnt from words and how often they come (Kudo 2018).

A word is the sum over all its segmentations of the product of the pieces' probabilities (arXiv
1804.10959, section 3.2). Expectation maximisation fits the probabilities; in turn, the pieces whose
loss costs the least likelihood are thrown away, until there are as few as wanted. All words are
worked at once, on arrays of the edges of their lattices, in one thread and in a fixed order: equal
words give equal pieces, which tokenizers' own trainer does not promise.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cstool.errors import CstoolError

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]

_LONGEST_PIECE = 16  # characters, as in SentencePiece
_LONGEST_WORD = 32  # of it, the product of as many probabilities is still a float
_WORDS = 200_000  # different ones, the most frequent: the others say little about pieces
_COVERAGE = 0.9995  # of the characters; the rarest of large alphabets are unknown (as in XLM-R)
_SEED_PIECES, _MOST_SEED_PIECES = 10, 300_000  # to begin with, per piece wanted; in all
_SHRINK = 0.75  # of the pieces are kept at a time
_ROUNDS = 2  # of expectation maximisation between two times
_LEAST = 1e-9  # no character ever becomes impossible


def learn(words: Mapping[str, float], size: int) -> list[tuple[str, float]]:
    """Learn at most `size` pieces: (piece, log of its probability, base e), likely ones first.

    Every character that is not very rare is a piece. CstoolError if there are more of these than
    `size`, or no words at all.
    """
    characters: defaultdict[str, float] = defaultdict(float)
    for word, count in sorted(words.items()):
        for character in word:
            characters[character] += count
    if not characters:
        raise CstoolError("there are no words to learn a vocabulary from")
    alphabet = _covering(characters)
    if len(alphabet) > size:
        raise CstoolError(
            f"the texts have {len(alphabet)} characters that are not rare: a vocabulary of {size} "
            "pieces has no room for them"
        )
    parts: defaultdict[str, float] = defaultdict(float)
    for word, count in sorted(words.items()):
        for part in _parts(word, alphabet):
            parts[part] += count
    chosen = sorted(parts, key=lambda part: (-parts[part], part))[:_WORDS]
    counts = np.array([parts[part] for part in chosen], dtype=np.float64)
    found: Counter[str] = Counter()
    for part, count in zip(chosen, counts.tolist(), strict=True):
        for start in range(len(part)):
            for end in range(start + 1, min(len(part), start + _LONGEST_PIECE) + 1):
                found[part[start:end]] += count
    wanted = min(_SEED_PIECES * size, _MOST_SEED_PIECES)
    longer = (piece for piece in found if len(piece) > 1)
    ranked = sorted(longer, key=lambda piece: (-found[piece] * len(piece), piece))[:wanted]
    pieces = [*sorted(alphabet), *ranked]
    weights = np.array([found[piece] for piece in pieces], dtype=np.float64)
    return _shrunk(pieces, weights, len(alphabet), chosen, counts, size)


def _shrunk(
    pieces: list[str],
    weights: Floats,
    characters: int,
    words: list[str],
    counts: Floats,
    size: int,
) -> list[tuple[str, float]]:
    """Fit the pieces, of which the first `characters` stay, and throw away all but `size`."""
    lattice = _Lattice.of(words, pieces)
    others = _Lattice.of(pieces, pieces, whole=False)
    likely = weights / weights.sum()
    alive = np.ones(len(pieces), dtype=np.bool_)
    while True:
        for _ in range(_ROUNDS):
            expected = lattice.expected(likely, counts)
            alive &= expected >= 0.5
            alive[:characters] = True
            likely = np.where(alive, np.maximum(expected / expected.sum(), _LEAST), 0)
        lattice, others = lattice.without(~alive), others.without(~alive)
        if alive.sum() <= size:
            break
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(likely)
            loss = np.where(alive, expected * (logs - others.best(logs)), -np.inf)
        loss[:characters] = np.inf
        keep = max(size, int(_SHRINK * alive.sum()))
        order = np.lexsort((np.arange(len(pieces)), -loss))
        alive[order[keep:]] = False
        likely = np.where(alive, likely, 0)
        lattice, others = lattice.without(~alive), others.without(~alive)
    likely /= likely.sum()
    left = sorted(np.flatnonzero(alive).tolist(), key=lambda i: (-likely[i], pieces[i]))
    return [(pieces[i], float(np.log(likely[i]))) for i in left]


@dataclass(frozen=True)
class _Lattice:
    """The ways through some words: every edge is a piece, from one node to a later one.

    Nodes are places between characters, numbered through all words. `forward` has the edges in the
    order of where in the word they end, `backward` in the order of where they start.
    """

    first: Numbers  # of words: the node before the first character
    last: Numbers
    source: Numbers  # of edges
    target: Numbers
    piece: Numbers
    word: Numbers
    ends: Numbers  # of edges: after how many characters
    starts: Numbers

    @classmethod
    def of(cls, words: list[str], pieces: list[str], *, whole: bool = True) -> "_Lattice":
        """Lay out words; without `whole`, no edge may be a whole word."""
        known = {piece: number for number, piece in enumerate(pieces)}
        lengths = np.array([len(word) for word in words], dtype=np.int64)
        last = np.cumsum(lengths + 1) - 1
        edges = array("q")
        for edge in _edges(words, known, whole):
            edges.extend(edge)
        word, starts, ends, piece = np.array(edges, dtype=np.int64).reshape(-1, 4).T
        first = last - lengths
        return cls(first, last, first[word] + starts, first[word] + ends, piece, word, ends, starts)

    def without(self, dead: NDArray[np.bool_]) -> "_Lattice":
        """Leave out the edges of pieces that are no more."""
        kept = ~dead[self.piece]
        edges = (self.source, self.target, self.piece, self.word, self.ends, self.starts)
        return _Lattice(self.first, self.last, *(column[kept] for column in edges))

    def expected(self, likely: Floats, counts: Floats) -> Floats:
        """Give how often each piece is expected, by all segmentations of all words."""
        before, after = np.zeros(self.last[-1] + 1), np.zeros(self.last[-1] + 1)
        before[self.first], after[self.last] = 1, 1
        weight = likely[self.piece]
        for edges in _levels(self.ends):
            np.add.at(before, self.target[edges], weight[edges] * before[self.source[edges]])
        for edges in reversed(_levels(self.starts)):
            np.add.at(after, self.source[edges], weight[edges] * after[self.target[edges]])
        total = before[self.last]
        scale = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
        share = before[self.source] * weight * after[self.target] * scale[self.word]
        found = np.zeros(len(likely))
        np.add.at(found, self.piece, share)
        return found

    def best(self, logs: Floats) -> Floats:
        """Give the logarithm of the best segmentation of each word; minus infinity without one."""
        reached = np.full(self.last[-1] + 1, -np.inf)
        reached[self.first] = 0
        for edges in _levels(self.ends):
            found = reached[self.source[edges]] + logs[self.piece[edges]]
            np.maximum.at(reached, self.target[edges], found)
        return reached[self.last]


def _levels(places: Numbers) -> list[NDArray[Any]]:
    """Give the edges of each place in turn: what a node needs is known before it is reached."""
    order = np.argsort(places, kind="stable")
    bounds = np.flatnonzero(np.diff(places[order])) + 1
    return np.split(order, bounds)


def _edges(
    words: list[str], known: Mapping[str, int], whole: bool
) -> Iterator[tuple[int, int, int, int]]:
    for number, word in enumerate(words):
        for start in range(len(word)):
            for end in range(start + 1, min(len(word), start + _LONGEST_PIECE) + 1):
                piece = known.get(word[start:end])
                if piece is not None and (whole or end - start < len(word)):
                    yield number, start, end, piece


def _covering(characters: Mapping[str, float]) -> set[str]:
    """Give the most frequent characters that make up nearly all of the text."""
    ranked = sorted(characters, key=lambda character: (-characters[character], character))
    shares = np.cumsum([characters[character] for character in ranked])
    needed = int(np.searchsorted(shares, _COVERAGE * shares[-1])) + 1
    return set(ranked[:needed])


def _parts(word: str, alphabet: set[str]) -> Iterator[str]:
    """Cut a word where a rare character stands, and where it is no word any more but a line."""
    kept = "".join(character if character in alphabet else "\n" for character in word)
    for part in kept.split("\n"):
        for start in range(0, len(part), _LONGEST_WORD):
            yield part[start : start + _LONGEST_WORD]
