"""Numbers of keys of two times 64 bits, looked up for many keys at once.

A chunk of a text, of up to SHORT bytes, is such a key, and so is a short run of numbers.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int64]
Keys = NDArray[np.uint64]

SHORT = 15  # bytes that a chunk has at most whose key tells it from all others
LONGEST_RUN = 6  # numbers
MAX_NUMBER = (1 << 20) - 1  # of a run: three of them and four bits are half a key
MAX_TAG = (1 << 8) - 1
_U = np.uint64
_SPREAD = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F  # odd, and their bits in no order
# By the size of a chunk: which of its first eight bytes count, which of the next, and the size.
_LOW = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(17)], dtype=_U)
_HIGH = np.array([(1 << 8 * min(max(size - 8, 0), 7)) - 1 for size in range(17)], dtype=_U)
_SIZE = np.array([size << 56 for size in range(17)], dtype=_U)


def chunk_keys(raw: bytes, begins: Numbers, ends: Numbers) -> tuple[Keys, Keys]:
    """Turn chunks of some bytes into keys: their first 15 bytes, and their size, up to 16."""
    sizes = np.minimum(ends - begins, SHORT + 1)
    data = raw + bytes(16)
    eight = np.ndarray(len(data) - 7, dtype="<u8", buffer=data, strides=(1,))
    first: Keys = eight.take(begins, mode="clip")
    first &= _LOW.take(sizes, mode="clip")
    second: Keys = eight.take(begins + 8, mode="clip")
    second &= _HIGH.take(sizes, mode="clip")
    second |= _SIZE.take(sizes, mode="clip")
    return first, second


def run_keys(numbers: Numbers, firsts: Numbers, sizes: Numbers, tags: Numbers) -> tuple[Keys, Keys]:
    """Turn runs of numbers, none of them 0, into keys; each has a tag of its own, too.

    A run is at most LONGEST_RUN long, its numbers at most MAX_NUMBER and its tag MAX_TAG.
    """
    first: Keys = (tags & 15).astype(_U) << _U(60)
    second: Keys = (tags >> 4).astype(_U) << _U(60)
    for place in range(LONGEST_RUN):
        number = numbers.take(firsts + place, mode="clip")
        number *= sizes > place
        if place < 3:
            first |= number.view(_U) << _U(20 * place)
        else:
            second |= number.view(_U) << _U(20 * (place - 3))
    return first, second


class Index:
    """Finds the numbers of keys: a table of hashes with linear probing."""

    def __init__(self) -> None:
        self._count = 0
        self._make(1 << 12)

    def find(self, first: Keys, second: Keys) -> Numbers:
        """Give the number of each key, 0 if it has none."""
        slots = self._home(first, second)
        # "clip" looks up in a third of the time that it takes to complain about a wrong place.
        numbers = self._numbers.take(slots, mode="clip")
        other = self._first.take(slots, mode="clip") != first
        other |= self._second.take(slots, mode="clip") != second
        other &= numbers > 0
        left = np.flatnonzero(other)
        while len(left):
            slots[left] = near = (slots[left] + 1) & self._last
            numbers[left] = found = self._numbers[near]
            other = (self._first[near] != first[left]) | (self._second[near] != second[left])
            left = left[other & (found > 0)]
        return numbers

    def add(self, first: Keys, second: Keys, numbers: Numbers | Sequence[int]) -> None:
        """Add keys, each once and none that is there already, with numbers above 0."""
        added = np.asarray(numbers, dtype=np.int64)
        self._count += len(added)
        if self._count * 3 > self._last:
            used = np.flatnonzero(self._numbers)
            old = self._first[used], self._second[used], self._numbers[used]
            self._make(1 << (self._count * 6).bit_length())
            self._put(*old)
        self._put(first, second, added)

    def _make(self, size: int) -> None:
        self._last = size - 1
        self._first: Keys = np.zeros(size, dtype=_U)
        self._second: Keys = np.zeros(size, dtype=_U)
        self._numbers: Numbers = np.zeros(size, dtype=np.int64)  # 0 where there is none

    def _put(self, first: Keys, second: Keys, numbers: Numbers) -> None:
        slots = self._home(first, second)
        left = np.arange(len(numbers))
        while len(left):
            free = left[self._numbers[slots[left]] == 0]
            self._numbers[slots[free]] = numbers[free]  # where several want a slot, one gets it
            got = free[self._numbers[slots[free]] == numbers[free]]
            self._first[slots[got]], self._second[slots[got]] = first[got], second[got]
            left = left[self._numbers[slots[left]] != numbers[left]]
            slots[left] = (slots[left] + 1) & self._last

    def _home(self, first: Keys, second: Keys) -> Numbers:
        home = first * _U(_SPREAD[0])
        home ^= second * _U(_SPREAD[1])
        home >>= _U(64 - self._last.bit_length())
        return home.view(np.int64)
