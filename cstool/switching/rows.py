"""Rows: what is known of chunks and of other pieces of texts, in columns, by their numbers."""

from collections.abc import Sequence
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from cstool.switching.index import Numbers

Array = TypeVar("Array", bound=NDArray[Any])

# There are very many of these, and of a plain tuple the garbage collector knows no more after its
# first look: a NamedTuple would cost a fifth of all time.
# A stretch of text, where in it the word or phrase stands that is known, if one is, and its key.
Piece = tuple[str, int, int, str]
# The units of a chunk that has several: where they stand, their keys, and who knows each, in bits.
Units = tuple[list[tuple[int, int]], list[str], list[int]]

# From which word a phrase may go on behind a chunk, or to which before it: by their numbers, or not
# at all, or from any, because the chunk is nothing but space.
CLOSED, OPEN = -1, 0
# What is special about a chunk: a phrase may go on behind it, or begin before it; there are several
# words, and some may be known.
TAIL, HEAD, MIXED = 1, 2, 4


class Rows:
    """Pieces of texts, and in columns what is known of them.

    `words` counts them, `first` is the character at which the first starts, `known` has a bit for
    each language that has a translation of the one span; `tail` and `head` are numbers of words or
    CLOSED or OPEN, and `flags` are TAIL, HEAD and MIXED. `several` has those of several units.
    """

    def __init__(self) -> None:
        self.pieces: list[Piece] = [("", 0, 0, "")]  # no row has number 0
        self.several: dict[int, Units] = {}
        self.words: NDArray[np.int32] = np.zeros(1 << 10, dtype=np.int32)
        self.first: NDArray[np.int32] = np.zeros(1 << 10, dtype=np.int32)
        self.known: NDArray[np.uint64] = np.zeros(1 << 10, dtype=np.uint64)
        self.flags: NDArray[np.uint8] = np.zeros(1 << 10, dtype=np.uint8)
        self.tail: Numbers = np.zeros(1 << 10, dtype=np.int64)
        self.head: Numbers = np.zeros(1 << 10, dtype=np.int64)
        self._others: dict[tuple[Piece, int, int], int] = {}
        self._fresh: list[tuple[int, int]] = []  # words of the last of these, and who knows them

    def __len__(self) -> int:
        """Count the rows, and the number 0, which is none."""
        return len(self.pieces)

    def add(
        self,
        pieces: Sequence[Piece],
        counts: Numbers,
        first: Numbers,
        known: NDArray[np.uint64],
        tail: Numbers,
        head: Numbers,
        mixed: NDArray[np.bool_],
    ) -> None:
        """Add rows of chunks."""
        self.pieces.extend(pieces)
        added = self._grown(len(pieces))
        self.words[added], self.first[added], self.known[added] = counts, first, known
        self.tail[added], self.head[added] = tail, head
        self.flags[added] = (tail > CLOSED) * TAIL | (head > CLOSED) * HEAD | mixed * MIXED

    def other(self, piece: Piece, count: int, known: int) -> int:
        """Give the row of a piece that is no chunk; it is complete after `settle`."""
        key = (piece, count, known)
        row = self._others.get(key)
        if row is None:
            row = self._others[key] = len(self.pieces)
            self.pieces.append(piece)
            self._fresh.append((count, known))
        return row

    def settle(self) -> None:
        """Complete the rows that `other` has given."""
        if self._fresh:
            added = self._grown(len(self._fresh))
            self.words[added] = [count for count, _ in self._fresh]
            self.known[added] = [known for _, known in self._fresh]
            self.tail[added] = self.head[added] = CLOSED
            self._fresh.clear()

    def _grown(self, more: int) -> slice:
        end = len(self.pieces)
        while end > len(self.words):
            self.words, self.first = doubled(self.words), doubled(self.first)
            self.known, self.flags = doubled(self.known), doubled(self.flags)
            self.tail, self.head = doubled(self.tail), doubled(self.head)
        return slice(end - more, end)


def doubled(array: Array) -> Array:
    """Give an array twice as long in its last dimension."""
    longer: Any = np.concatenate([array, np.zeros_like(array)], axis=-1)
    return cast(Array, longer)
