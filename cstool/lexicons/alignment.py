"""Two languages' word vectors in one space: a linear map of the source, learnt from word pairs.

Procrustes: the orthogonal map that brings the pairs closest (Schönemann 1966; Conneau et al. 2018,
arXiv 1710.04087, equation 2). RCSLS: the map that gives the pairs the best CSLS, which is what they
are looked up by afterwards (Joulin et al. 2018, arXiv 1804.07745, equation 4).
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from cstool import words
from cstool.errors import CstoolError
from cstool.lexicons.embeddings import Matrix, Vectors, normalized
from cstool.lexicons.neighbours import Indices, search
from cstool.records import Entry
from cstool.settings import Computing, Induction

# The most frequent words: where refinement looks for pairs, and RCSLS for neighbours.
_FREQUENT = 20_000
_PAIRS = 10_000  # that RCSLS learns from, the most frequent ones
_STEPS = 15

Pairs = Indices  # of shape (pairs, 2): the numbers of a source and of a target word


def known_pairs(pairs: Iterable[Entry], source: Vectors, target: Vectors) -> Pairs:
    """Look word pairs up in the vectors: (pairs, 2), without those that one of the sides lacks.

    A word that is not there as it stands is looked for by its key: "haus" finds "Haus". A pair
    counts once.
    """
    left, right = _Index(source.words), _Index(target.words)
    found = {
        (one, other): None
        for pair in pairs
        if (one := left.find(pair.source)) is not None
        and (other := right.find(pair.target)) is not None
    }
    return np.array(list(found), dtype=np.int64).reshape(-1, 2)


def identical_pairs(source: Vectors, target: Vectors) -> Pairs:
    """Pair words that are written the same in both languages, the most frequent first."""
    right = {word: number for number, word in enumerate(target.words)}
    found = [(one, right[word]) for one, word in enumerate(source.words) if word in right]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def align(
    source: Vectors,
    target: Vectors,
    seeds: Pairs,
    settings: Induction,
    *,
    computing: Computing = Computing(),
) -> tuple[Vectors, Vectors]:
    """Normalise both sides and map the source into the space of the target, as the settings say.

    `seeds` holds the word pairs to learn from; without alignment it is not looked at. A refinement
    learns anew from the seeds and the mutual nearest neighbours that the last map gives among the
    most frequent words (Conneau et al. 2018, section 2.2, but for the seeds, which stay). Both
    results are unit vectors. CstoolError if the dimensions differ or there is no pair.
    """
    x, y = (normalized(side.matrix, settings.normalize) for side in (source, target))
    if x.shape[1] != y.shape[1]:
        raise CstoolError(f"vectors of {x.shape[1]} and {y.shape[1]} dimensions, expected the same")
    if settings.align != "none":
        if not len(seeds):
            raise CstoolError("no seed pair has both of its words in the vectors")
        pairs = seeds
        for _ in range(settings.refine):
            mapping = procrustes(x, y, pairs)
            found = mutual_pairs(
                x[:_FREQUENT] @ mapping.T, y[:_FREQUENT], k=settings.k, computing=computing
            )
            pairs = np.unique(np.concatenate([seeds, found]), axis=0)
        mapping = procrustes(x, y, pairs)
        if settings.align == "rcsls":
            mapping = rcsls(x, y, pairs, mapping, k=settings.k, computing=computing)
        x = x @ mapping.T
    return (
        Vectors(source.words, normalized(x, ("unit",))),
        Vectors(target.words, normalized(y, ("unit",))),
    )


def procrustes(x: Matrix, y: Matrix, pairs: Pairs) -> Matrix:
    """Give the orthogonal W (d, d) with the least sum of |W x - y|^2 over the pairs.

    W = U V^T with U S V^T the singular value decomposition of the sum of y x^T.
    """
    left, right = x[pairs[:, 0]].astype(np.float64), y[pairs[:, 1]].astype(np.float64)
    u, _, vt = np.linalg.svd(right.T @ left)
    mapping: Matrix = (u @ vt).astype(np.float32)
    return mapping


def mutual_pairs(x: Matrix, y: Matrix, *, k: int, computing: Computing = Computing()) -> Pairs:
    """Pair the words of two unit matrices that are each other's nearest by CSLS: (pairs, 2)."""
    found = search(x, y, n=1, k=k, back=True, computing=computing)
    numbers = np.arange(len(x))
    nearest = found.indices[:, 0]
    mutual = found.back is not None and found.back[nearest] == numbers
    pairs: Pairs = np.stack([numbers, nearest], axis=1)[mutual]
    return pairs


def rcsls(
    x: Matrix, y: Matrix, pairs: Pairs, start: Matrix, *, k: int, computing: Computing = Computing()
) -> Matrix:
    """Improve a map W (d, d) by gradient descent on the RCSLS loss, and give the best one found.

    With N the k nearest of the most frequent words, the loss is the mean over the pairs (x, y) of

        -2 Wx.y + mean of Wx.y' for y' in N(Wx) + mean of Wx'.y for Wx' in N(y)

    A step that does not lower it is not taken, and the next is half as long, otherwise twice: so
    the loss ends no higher than it starts. Singular values of W above one are cut after each step,
    the first of the constraints of Joulin et al. (section 2.3).
    """
    rarest_last = np.argsort(pairs.max(1), kind="stable")
    left, right = pairs[rarest_last[:_PAIRS]].T
    loss = _Rcsls(x[:_FREQUENT], y[:_FREQUENT], x[left], y[right], k, computing)
    best = start
    lowest, gradient = loss(best)
    length = 1.0
    for _ in range(_STEPS):
        u, values, vt = np.linalg.svd((best - length * gradient).astype(np.float64))
        mapping = ((u * np.minimum(values, 1)) @ vt).astype(np.float32)
        value, slope = loss(mapping)
        if value < lowest:
            best, lowest, gradient, length = mapping, value, slope, 2 * length
        else:
            length /= 2
    return best


@dataclass(frozen=True)
class _Rcsls:
    """The RCSLS loss of a map, and its gradient; the neighbours count as fixed."""

    sources: Matrix  # (n, d), those to find neighbours among
    targets: Matrix
    left: Matrix  # (pairs, d)
    right: Matrix
    k: int
    computing: Computing

    def __call__(self, mapping: Matrix) -> tuple[float, Matrix]:
        mapped = self.left @ mapping.T
        targets = self._near(mapped, self.targets, self.targets)
        sources = self._near(self.right, self.sources @ mapping.T, self.sources)
        towards: Matrix = np.float32(2) * self.right - targets
        value = np.vdot(sources @ mapping.T, self.right) - np.vdot(mapped, towards)
        slope: Matrix = self.right.T @ sources - towards.T @ self.left
        slope /= np.float32(len(mapped))
        return float(value) / len(mapped), slope

    def _near(self, queries: Matrix, among: Matrix, values: Matrix) -> Matrix:
        found = search(queries, among, n=self.k, neighbours="nn", computing=self.computing)
        mean: Matrix = values[found.indices].mean(1)
        return mean


class _Index:
    """Numbers of words, found by the word itself or else by its key, the most frequent first."""

    def __init__(self, names: Iterable[str]) -> None:
        self.exact: dict[str, int] = {}
        self.by_key: dict[str, int] = {}
        for number, name in enumerate(names):
            self.exact.setdefault(name, number)
            self.by_key.setdefault(words.key(name), number)

    def find(self, name: str) -> int | None:
        """Give the number of a word, or None."""
        number = self.exact.get(name)
        return self.by_key.get(words.key(name)) if number is None else number
