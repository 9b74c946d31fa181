"""Counts of names that come many at a time, as numbers in a list of them."""

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_WAITING = 1 << 18  # numbers that are kept before they are counted
_MOST = 200_000  # names counted one by one; of more, the rarer half is forgotten


class Tally:
    """Counts names. Those given as numbers are counted together, when it is asked for.

    >>> tally = Tally()
    >>> tally.add(["red", "sea"], np.array([1, 1, 0]))
    >>> tally.total(), tally.most(1)
    (3, [('sea', 2)])
    """

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._names: Sequence[str] = ()
        self._waiting: list[NDArray[np.int64]] = []
        self._size = 0

    def add(self, names: Sequence[str], numbers: NDArray[np.int64]) -> None:
        """Count names by their numbers; the list may grow later, but not change."""
        if names is not self._names:
            self._settle()
            self._names = names
        self._waiting.append(numbers)
        self._size += len(numbers)
        if self._size > _WAITING:
            self._settle()

    def update(self, other: "Tally") -> None:
        """Take over what another tally has counted."""
        for numbers in other._waiting:
            self.add(other._names, numbers)
        self._count(other._counts)

    def total(self) -> int:
        """Give how many were counted."""
        return self._counts.total() + self._size

    def most(self, count: int) -> list[tuple[str, int]]:
        """List the most frequent names; equally frequent ones by the alphabet."""
        self._settle()
        return heapq.nsmallest(count, self._counts.items(), key=_by_use)

    def _settle(self) -> None:
        if not self._waiting:
            return
        counts = np.bincount(np.concatenate(self._waiting))
        there = np.flatnonzero(counts)
        names = map(self._names.__getitem__, there.tolist())
        self._waiting, self._size = [], 0
        self._count(dict(zip(names, counts[there].tolist(), strict=True)))

    def _count(self, counts: Any) -> None:
        self._counts.update(counts)
        if len(self._counts) > _MOST:
            kept: Iterable[tuple[str, int]] = heapq.nsmallest(
                _MOST // 2, self._counts.items(), key=_by_use
            )
            self._counts = Counter(dict(kept))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tally):
            return NotImplemented
        self._settle()
        other._settle()
        return self._counts == other._counts

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __getstate__(self) -> dict[str, Any]:
        """Count what waits, so that the list of names need not come along."""
        self._settle()
        return vars(self) | {"_names": ()}


def _by_use(item: tuple[str, int]) -> tuple[int, str]:
    """Order names by use; equally frequent ones by the alphabet, not by the texts."""
    return -item[1], item[0]
