"""What a lexicon knows about the pieces of texts, for many texts at once.

A text is cut at every space (U+0020) into chunks; the space behind belongs to each. Words repeat,
so chunks do: those that were never seen are looked at by `words` and the tables, together, and get
a row each; a chunk is found by its bytes from then on, all chunks of many texts in a few operations
on arrays.

Most chunks hold one word. Where one holds several ("well-known"), or where its word may be part of
a phrase with its neighbours ("New York"), chunks make up a region (`phrases`), which is taken apart
into pieces that hold one span each. A piece has a row as well. What a region falls into is
remembered by the rows of its chunks.

What is remembered never changes what is found; when it becomes too much, it is forgotten.
"""

from collections.abc import Iterator, Sequence
from itertools import count, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cstool import words
from cstool.lexicons.store import Lexicon
from cstool.switching.index import SHORT, Index, Numbers, chunk_keys
from cstool.switching.phrases import Phrases
from cstool.switching.regions import Regions
from cstool.switching.rows import CLOSED, HEAD, OPEN, TAIL, Rows
from cstool.switching.written import Writings

_MAX_ROWS = 1 << 18
_MAX_REGIONS = 1 << 17
# What may stand around a word of ASCII letters without changing what `words` makes of it.
_AROUND = ".,;:!?\"'()[]"
_NO_WORD = "www"  # may begin the name of a site


class Knowledge:
    """What the tables of a lexicon know about chunks: `rows`, `regions`, and their `writings`."""

    rows: Rows
    regions: Regions
    writings: Writings

    def __init__(self, lexicon: Lexicon) -> None:
        self._phrases = Phrases(lexicon)
        self.languages, self.tables = self._phrases.languages, self._phrases.tables
        self._forget()

    def tidy(self) -> None:
        """Forget what is known about texts if it has become too much."""
        if max(len(self.rows), len(self.writings)) > _MAX_ROWS:
            self._forget()
        elif len(self.regions) > _MAX_REGIONS:
            self.regions = Regions(self._phrases, self.rows)

    def chunks(self, raw: bytes, begins: Numbers, ends: Numbers) -> Numbers:
        """Find the row of each chunk of some bytes, from its first byte up to the space."""
        first, second = chunk_keys(raw, begins, ends)
        numbers = self._index.find(first, second)
        missing = np.flatnonzero(numbers == 0)
        if not len(missing):
            return numbers
        places = zip(begins[missing].tolist(), ends[missing].tolist(), strict=True)
        chunks = [raw[begin:end] for begin, end in places]
        new = dict(zip(dict.fromkeys(chunks), count(len(self.rows)), strict=False))
        if long := [chunk for chunk in new if len(chunk) > SHORT]:
            for chunk in filter(self._long.__contains__, long):
                del new[chunk]
            new = dict(zip(new, count(len(self.rows)), strict=False))
            self._long.update((chunk, new[chunk]) for chunk in long if chunk in new)
        numbers[missing] = [new.get(chunk) or self._long[chunk] for chunk in chunks]
        begin = len(self.rows)
        self._look(list(new))
        found, where = np.unique(numbers[missing], return_index=True)
        where = missing[where[found >= begin]]
        where = where[(ends - begins)[where] <= SHORT]
        self._index.add(first[where], second[where], numbers[where])
        return numbers

    def linked(self, numbers: Numbers, flags: NDArray[np.uint8], first: Numbers) -> Any:
        """Tell whether a phrase may go on to each chunk from the one before it, in the same text.

        `first` has the places where texts begin. The result has one element more, which is False.
        """
        found = np.zeros(len(numbers) + 1, dtype=np.bool_)
        found[1:-1] = (flags[:-1] & TAIL > 0) & (flags[1:] & HEAD > 0)
        found[first] = False
        places = np.flatnonzero(found)
        if not len(places):
            return found
        before, behind = numbers[places - 1], numbers[places]
        linked, longer = self._phrases.linked(self.rows.tail[before], self.rows.head[behind])
        found[places] = linked
        # Two words of a longer phrase are nothing without a third, before them or behind.
        alone = linked & longer & (self.rows.words[behind] == 1) & (self.rows.words[before] == 1)
        alone &= ~found[places - 1] & ~found[places + 1]
        found[places[alone]] = False
        return found

    def _forget(self) -> None:
        self.rows = Rows()
        self.regions = Regions(self._phrases, self.rows)
        self.writings = Writings(self.languages, self.tables, self.rows.pieces)
        self._index = Index()
        self._long: dict[bytes, int] = {}

    def _look(self, chunks: Sequence[bytes]) -> None:
        """Look at chunks that were never seen, and give each a row."""
        texts = _decoded(b" ".join(chunks)).split(" ") if chunks else []
        cores = [text.strip(_AROUND) for text in texts]
        keys = [core.lower() if core.isalpha() and core.isascii() else "" for core in cores]
        keys = ["" if key == _NO_WORD else key for key in keys]
        starts = list(map(str.find, texts, cores))
        ends = [start + len(core) for start, core in zip(starts, cores, strict=True)]
        sizes = np.fromiter(map(len, texts), np.int64, len(texts))
        counts = np.ones(len(texts), dtype=np.int64)
        odd = [place for place, key in enumerate(keys) if not key]
        looked = dict(zip(odd, _units([texts[place] for place in odd]), strict=True))
        for place, (found, units) in looked.items():
            if len(found) != 1:
                counts[place] = len(found)
            else:
                keys[place] = units[0]
            starts[place], ends[place] = found[0] if found else (0, 0)
        first, last = np.array(starts, dtype=np.int64), np.array(ends, dtype=np.int64)
        known = self._phrases.known(keys)
        tails = heads = np.full(len(texts), CLOSED)
        if len(self._phrases):
            tails, heads = self._phrases.tails(keys), self._phrases.heads(keys)
            tails[last < sizes], heads[first > 0] = CLOSED, CLOSED
        if len(self._phrases):
            for place, (found, units) in looked.items():
                tails[place], heads[place] = self._ends(texts[place], found, units)
        mixed = np.zeros(len(texts), dtype=np.bool_)
        several = [place for place in odd if counts[place] > 1]
        bits = iter(self._phrases.known([key for n in several for key in looked[n][1]]).tolist())
        for place in several:
            found, units = looked[place]
            mine = list(islice(bits, len(units)))
            starts[place] = ends[place] = 0
            mixed[place] = any(mine) or self._phrases.start(units)
            self.rows.several[len(self.rows) + place] = found, units, mine
        pieces = zip([f"{text} " for text in texts], starts, ends, keys, strict=True)
        self.rows.add(list(pieces), counts, first, known, tails, heads, mixed)

    def _ends(
        self, text: str, found: Sequence[tuple[int, int]], units: Sequence[str]
    ) -> tuple[int, int]:
        """Tell from which word a phrase may go on behind a chunk, and to which before it."""
        if not found:
            return (CLOSED, CLOSED) if text.strip(words.SPACE) else (OPEN, OPEN)
        tail = CLOSED if text[found[-1][1] :].strip(words.SPACE) else self._phrases.tail(units[-1])
        head = CLOSED if text[: found[0][0]].strip(words.SPACE) else self._phrases.head(units[0])
        return tail, head


def _units(texts: Sequence[str]) -> Iterator[tuple[list[tuple[int, int]], list[str]]]:
    """Find the units of chunks, and their keys: all that are not simple at once."""
    simple = [_simple(text) for text in texts]
    rest = [text for text, units in zip(texts, simple, strict=True) if units is None]
    every = _units_of_all(rest)
    for text, found in zip(texts, simple, strict=True):
        there = next(every) if found is None else found
        yield there, [words.key(text[start:end]) for start, end in there]


def _simple(text: str) -> list[tuple[int, int]] | None:
    """Find the units of a chunk that is a number, a possessive, or words with hyphens between."""
    if not text.isascii():
        return None
    if text.lower() == text.upper():  # no letters
        return []
    core = text.strip(_AROUND)
    begin = text.find(core)
    parts = core.split("-")
    if len(parts) == 1:
        core, end = core[:-2], core[-2:]
        if end in ("'s", "'S") and core.isalpha() and core.lower() not in words.SHORTENED:
            return [(begin, begin + len(core))]
        return None
    if not all(map(str.isalpha, parts)) or _NO_WORD in map(str.lower, parts):
        return None
    found = []
    for part in parts:
        found.append((begin, begin + len(part)))
        begin += len(part) + 1
    return found


def _units_of_all(texts: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
    text = " ".join(texts)
    every = iter(words.units(text))
    nothing = len(text) + 1, 0
    start, stop = next(every, nothing)
    begin = 0
    for chunk in texts:
        end = begin + len(chunk)
        found = []
        while start < end:
            found.append((start - begin, stop - begin))
            start, stop = next(every, nothing)
        yield found
        begin = end + 1


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")
