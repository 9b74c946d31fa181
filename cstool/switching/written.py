"""What is written instead of words and phrases: the bytes, and which entry of a lexicon they are.

A row (see `pieces`) in a language has a slot: a number under which all that is found.
"""

from collections.abc import Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from cstool import words
from cstool.lexicons.store import Table
from cstool.switching.index import Numbers
from cstool.switching.rows import Piece, doubled

Bytes = NDArray[np.uint8]

# What is written instead of the word or phrase of a piece: by which language, and the translation.
Written = tuple[Piece, str, str]


class Writings:
    """All that was ever written; `pieces` are those of the rows, and grow with them.

    By slots, `written` tells what it is, `starts` and `sizes` where it is among the bytes that
    `arena` gives, and `entry` the number of its entry. Those are `entries` (language, source key
    and translation, with tabs), `identical` if they translate a word by itself.
    """

    def __init__(
        self, languages: Sequence[str], tables: Sequence[Table], pieces: Sequence[Piece]
    ) -> None:
        self._languages, self._tables, self._pieces = languages, tables, pieces
        self.written: list[Written] = [(("", 0, 0, ""), "", "")]  # no slot has number 0
        self.starts: Numbers = np.zeros(1 << 10, dtype=np.int64)
        self.sizes: Numbers = np.zeros(1 << 10, dtype=np.int64)
        self.entry: Numbers = np.zeros(1 << 10, dtype=np.int64)
        self.entries = [""]  # no entry has number 0
        self.identical: NDArray[np.bool_] = np.zeros(1 << 10, dtype=np.bool_)
        self._numbers: dict[tuple[int, str, str], int] = {}  # of entries
        self._best: NDArray[np.int32] = np.zeros((len(languages), 1 << 10), dtype=np.int32)
        self._others: dict[tuple[int, int, str], int] = {}
        self._bytes: Bytes = np.zeros(1 << 16, dtype=np.uint8)
        self._used = 0

    def __len__(self) -> int:
        """Count the slots."""
        return len(self.written)

    def slots(self, rows: Numbers, languages: Numbers) -> Numbers:
        """Find the slots of rows in languages, given by their numbers: the best translations."""
        while len(self._pieces) > self._best.shape[1]:
            self._best = doubled(self._best)
        flat, width = self._best.reshape(-1), self._best.shape[1]
        places = languages * width
        places += rows
        slots: Numbers = flat.take(places, mode="clip").astype(np.int64)
        missing = np.flatnonzero(slots == 0)
        if len(missing):
            new, which = np.unique(places[missing], return_inverse=True)
            languages, rows = np.divmod(new, width)
            asked = zip(rows.tolist(), languages.tolist(), repeat(None), strict=False)
            flat[new] = found = self._write(list(asked))
            slots[missing] = found[which]
        return slots

    def slot(self, row: int, language: int, target: str) -> int:
        """Find the slot of a row with a certain translation."""
        key = (row, language, target)
        if key not in self._others:
            self._others[key] = int(self._write([key])[0])
        return self._others[key]

    def arena(self, raw: bytes) -> tuple[Bytes, int]:
        """Give an array of what is written in all slots, then `raw`; and where that begins."""
        self._bytes = _with(self._bytes, self._used, raw)
        return self._bytes, self._used

    def _write(self, asked: Sequence[tuple[int, int, str | None]]) -> Numbers:
        """Write what rows become with translations, of which None is the best; give the slots."""
        begin, end = len(self.written), len(self.written) + len(asked)
        made: list[bytes] = []
        entries: list[int] = []
        for row, language, given in asked:
            text, start, stop, phrase = piece = self._pieces[row]
            target = self._tables[language].best[phrase] if given is None else given
            name, source = self._languages[language], text[start:stop]
            cased = target if source.islower() else words.with_case_of(source, target, name)
            made.append(f"{text[:start]}{cased}{text[stop:]}".encode("utf-8", "surrogatepass"))
            self.written.append((piece, name, cased))
            number = self._numbers.get((language, phrase, target))
            entries.append(number or self._entry(language, phrase, target))
        while end > len(self.starts):
            self.starts, self.sizes = doubled(self.starts), doubled(self.sizes)
            self.entry = doubled(self.entry)
        self.sizes[begin:end] = sizes = np.fromiter(map(len, made), np.int64, len(made))
        self.starts[begin:end] = np.cumsum(sizes) - sizes + self._used
        self.entry[begin:end] = entries
        self._bytes = _with(self._bytes, self._used, b"".join(made))
        self._used += int(sizes.sum())
        return np.arange(begin, end)

    def _entry(self, language: int, phrase: str, target: str) -> int:
        self._numbers[language, phrase, target] = number = len(self.entries)
        self.entries.append(f"{self._languages[language]}\t{phrase}\t{target}")
        while number >= len(self.identical):
            self.identical = doubled(self.identical)
        self.identical[number] = words.key(phrase) == words.key(target)
        return number


def _with(array: Bytes, begin: int, data: bytes) -> Bytes:
    """Put bytes into an array, or into a longer one."""
    end = begin + len(data)
    if end > len(array):
        array = np.concatenate([array, np.zeros(end, dtype=np.uint8)])
    array[begin:end] = np.frombuffer(data, dtype=np.uint8)
    return array
