"""What a lexicon knows about the pieces of texts, for many texts at once.

A text is cut at every space (U+0020) into chunks; the space behind belongs to each. Words repeat,
so chunks do: one that was never seen is looked at by `words` and the tables and gets a row, and is
found by its bytes from then on, all chunks of many texts in a few operations on arrays.

Most chunks hold one word. Where one holds several ("well-known"), or where its word may be part of
a phrase with its neighbours ("New York"), chunks make up a region, which is taken apart into pieces
that hold one span each: a word or a phrase that is replaced as a whole. A piece has a row as well.

What is remembered never changes what is found; when it becomes too much, it is forgotten.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from cstool import words
from cstool.errors import CstoolError
from cstool.lexicons.store import Lexicon, Table

Numbers = NDArray[np.int64]
Keys = NDArray[np.uint64]
Bytes = NDArray[np.uint8]
Array = TypeVar("Array", bound=NDArray[Any])

# The columns of a region taken apart: the row of a piece; its first byte and its bytes; the chunk
# of the region and the character of that chunk where its first word starts.
ROW, BEGIN, SIZE, CHUNK, OFFSET = range(5)
_MAX_LANGUAGES = 62  # a bit for each, and one for the source language
_MAX_ROWS = 1 << 18
_MAX_REGIONS = 1 << 17
_MAX_REGION = 200  # bytes: a longer one will hardly come again
_SHORT = 15  # bytes that a chunk of the index has at most
_U = np.uint64
_SPREAD = 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F  # odd, and their bits in no order
# By the size of a chunk: which of its first eight bytes count, which of the next, and the size.
_LOW = np.array([(1 << 8 * min(size, 8)) - 1 for size in range(17)], dtype=_U)
_HIGH = np.array([(1 << 8 * min(max(size - 8, 0), 7)) - 1 for size in range(17)], dtype=_U)
_SIZE = np.array([size << 56 for size in range(17)], dtype=_U)

# `tail` and `head` of a chunk tell from which word a phrase may go on behind it and to which before
# it: by their numbers, or not at all, or from any, because the chunk is nothing but space.
_CLOSED, _OPEN = -1, 0
_ROW = np.dtype(
    [
        ("words", np.int64),
        ("first", np.int64),  # the character at which the first word starts
        ("known", np.uint64),  # a bit for each language that has a translation of its one span
        ("tail", np.int64),
        ("head", np.int64),
        ("mixed", np.bool_),  # there are several words, and some are known
    ]
)
# What may stand around a word of ASCII letters without changing what `words` makes of it.
_AROUND = ".,;:!?\"'()[]"
_NO_WORDS = ("www", "Www", "WWW")  # may begin the name of a site
_LETTER = re.compile("[A-Za-z]")


# There are very many of these three, and of a plain tuple the garbage collector knows no more after
# its first look: a NamedTuple would cost a fifth of all time.
# A stretch of text, where in it the word or phrase stands that is known, if one is, and its key.
Piece = tuple[str, int, int, str]
# What is written instead of the word or phrase of a piece: by which language, and the translation.
Written = tuple[Piece, str, str]
# The longest phrase of a language that starts at a unit: the language, how many units, and its key.
Option = tuple[int, int, str]


class _Span(NamedTuple):
    place: int  # of its first unit
    length: int
    known: int = 0
    phrase: str = ""


class _Region(NamedTuple):
    found: list[tuple[int, int]]
    keys: list[str]
    places: list[tuple[int, int]]  # of each unit, its chunk and its first character there
    options: list[list[Option]]


# Chooses among phrases of different length that start at a chunk and one of its characters; None is
# the word as it is.
Choose = Callable[[int, int, Sequence[Option]], Option | None]


class Knowledge:
    """What the tables of a lexicon know about chunks and pieces, by the numbers of their rows.

    What is written instead of a piece has a slot: `written` and `entries` (language, source key and
    translation, with tabs) tell what it is, `starts` and `sizes` where it is among the bytes that
    `arena` gives.
    """

    written: list[Written]
    entries: list[str]
    starts: Numbers
    sizes: Numbers
    _bytes: Bytes
    _used: int

    def __init__(self, lexicon: Lexicon) -> None:
        if len(lexicon) > _MAX_LANGUAGES:
            raise CstoolError(f"{len(lexicon)} languages, expected at most {_MAX_LANGUAGES}")
        self.languages = sorted(lexicon)
        self.tables = [lexicon[name] for name in self.languages]
        self._lefts: dict[str, int] = {}
        self._rights: dict[str, int] = {}
        links: dict[int, bool] = {}
        for table in self.tables:
            for left, right, whole in _neighbours(table):
                link = self._lefts.setdefault(left, len(self._lefts) + 1) << 32
                link |= self._rights.setdefault(right, len(self._rights) + 1)
                links[link] = whole or links.get(link, False)
        self._links = np.array(sorted(links), dtype=np.int64)
        self._whole = np.array([links[link] for link in sorted(links)], dtype=np.bool_)
        self._best = [(1 << bit, table.best) for bit, table in enumerate(self.tables)]
        self._forget()

    def tidy(self) -> None:
        """Forget what is known about texts if it has become too much."""
        if max(len(self._pieces), len(self.written)) > _MAX_ROWS:
            self._forget()
        elif max(len(self._apart), len(self._regions)) > _MAX_REGIONS:
            self._apart.clear()
            self._regions.clear()

    def rows(self, numbers: Numbers) -> NDArray[Any]:
        """Give the rows with these numbers, with the fields of _ROW."""
        return self._rows.take(numbers)

    def chunks(self, raw: bytes, begins: Numbers, ends: Numbers) -> Numbers:
        """Find the row of each chunk of some bytes, from its first byte up to the space."""
        first, second = _pair(raw, begins, ends)
        numbers = self._index.find(first, second)
        missing = np.flatnonzero(numbers == 0)
        if not len(missing):
            return numbers
        new: dict[bytes, int] = {}
        places: list[int] = []  # where each comes first
        for place, begin, end in zip(
            missing.tolist(), begins[missing].tolist(), ends[missing].tolist(), strict=True
        ):
            chunk = raw[begin:end]
            number = self._long.get(chunk, 0) if end - begin > _SHORT else 0
            if not number:
                number = new.setdefault(chunk, len(self._pieces) + len(new))
                if len(places) < len(new):
                    places.append(place)
            numbers[place] = number
        self._look(list(new))
        self._long.update((chunk, number) for chunk, number in new.items() if len(chunk) > _SHORT)
        fresh = np.array(places, dtype=np.int64)
        fresh = fresh[(ends - begins)[fresh] <= _SHORT]
        self._index.add(first[fresh], second[fresh], numbers[fresh])
        return numbers

    def linked(self, rows: NDArray[Any], first: Numbers) -> NDArray[np.bool_]:
        """Tell whether a phrase may go on to each row from the one before it, in the same text.

        `first` has the places where texts begin. The result has one element more, which is False.
        """
        found = np.zeros(len(rows) + 1, dtype=np.bool_)
        tails, heads = rows["tail"][:-1], rows["head"][1:]
        found[1:-1] = (tails > _CLOSED) & (heads > _CLOSED)
        found[first] = False
        places = np.flatnonzero(found)
        if not len(places):
            return found
        tails, heads = tails[places - 1], heads[places - 1]
        pairs = tails << 32 | heads
        nearest = np.minimum(np.searchsorted(self._links, pairs), len(self._links) - 1)
        loose = (tails == _OPEN) | (heads == _OPEN)
        found[places] = known = (self._links[nearest] == pairs) | loose
        # Two words of a longer phrase are nothing without a third, before them or behind.
        words = rows["words"]
        alone = known & ~loose & ~self._whole[nearest]
        alone &= (words[places] == 1) & (words[places - 1] == 1)
        alone &= ~found[places - 1] & ~found[places + 1]
        found[places[alone]] = False
        return found

    def apart(self, raw: bytes, shown: bytes, allowed: int, choose: Choose) -> Numbers | None:
        """Take a region apart: an array of its pieces, with the columns ROW to OFFSET.

        None if every chunk holds one word and no phrase is there. What `shown` has instead of
        `raw`, byte for byte, is no text to be read. `allowed` has the bits of the languages that
        count. Where their phrases differ in length, one language is chosen; if none is, because the
        words stay as they are, the longest phrase is a span all the same.
        """
        key = (raw, shown, allowed)
        if key in self._apart:
            return self._apart[key]
        region = self._regions.get(shown) or self._region(shown)
        spans: list[_Span] = []
        chosen = False
        place = 0
        while place < len(region.found):
            options = [each for each in region.options[place] if allowed >> each[0] & 1]
            if len({length for _, length, _ in options}) > 1:
                chosen = True
                longest = max(length for _, length, _ in options)
                one = choose(*region.places[place], options)
                options = [one] if one else [each for each in options if each[1] == longest]
            if options:
                known = sum(1 << language for language, _, _ in options)
                _, length, phrase = options[0]
                spans.append(_Span(place, length, known, phrase))
            else:
                spans.append(_Span(place, 1))
            place += spans[-1].length
        chunks = {chunk for chunk, _ in region.places}
        plain = raw == shown and len(chunks) == len(spans) == len(region.found)
        apart = None if plain else self._cut(_decoded(raw), region, spans)
        if not chosen and len(raw) <= _MAX_REGION:
            self._apart[key] = apart
        return apart

    def slots(self, numbers: Numbers, languages: Numbers) -> Numbers:
        """Find where it is written what rows become in languages, given by their numbers."""
        slots = self._slot_of[languages, numbers].astype(np.int64)
        missing = np.flatnonzero(slots == 0)
        if len(missing):
            asked = zip(numbers[missing].tolist(), languages[missing].tolist(), strict=True)
            slots[missing] = self._write(
                [
                    (number, language, self.tables[language].best[self._pieces[number][3]])
                    for number, language in asked
                ]
            )
            self._slot_of[languages[missing], numbers[missing]] = slots[missing]
        return slots

    def slot(self, number: int, language: int, target: str) -> int:
        """Find where it is written what a row becomes with a certain translation."""
        return self._write([(number, language, target)])[0]

    def _write(self, asked: Sequence[tuple[int, int, str]]) -> list[int]:
        """Write what rows become with translations, unless it is there; give the slots."""
        found: list[int] = []
        made: list[bytes] = []
        for key in asked:
            slot = self._slots.get(key)
            if slot is None:
                slot = self._slots[key] = len(self.written)
                number, language, target = key
                text, start, end, phrase = piece = self._pieces[number]
                name = self.languages[language]
                cased = words.with_case_of(text[start:end], target, name)
                made.append(_encoded(text[:start] + cased + text[end:]))
                self.written.append((piece, name, cased))
                self.entries.append(f"{name}\t{phrase}\t{target}")
            found.append(slot)
        if made:
            while len(self.written) > len(self.starts):
                self.starts, self.sizes = _doubled(self.starts), _doubled(self.sizes)
            slots = slice(len(self.written) - len(made), len(self.written))
            sizes = np.fromiter(map(len, made), np.int64, len(made))
            self.sizes[slots], ends = sizes, np.cumsum(sizes) + self._used
            self.starts[slots] = ends - sizes
            self._bytes = _with(self._bytes, self._used, b"".join(made))
            self._used = int(ends[-1])
        return found

    def arena(self, raw: bytes) -> tuple[Bytes, int]:
        """Give an array of what is written in all slots, then `raw`; and where that begins."""
        self._bytes = _with(self._bytes, self._used, raw)
        return self._bytes, self._used

    def _forget(self) -> None:
        self._pieces: list[Piece] = [("", 0, 0, "")]  # no row and no slot has number 0
        self._rows: NDArray[Any] = np.zeros(1 << 10, dtype=_ROW)
        self._index = _Index()
        self._long: dict[bytes, int] = {}
        self._others: dict[tuple[Piece, int, int], int] = {}
        self._regions: dict[bytes, _Region] = {}
        self._apart: dict[tuple[bytes, bytes, int], Numbers | None] = {}
        self._slot_of: NDArray[np.int32] = np.zeros((len(self.languages), 1 << 10), dtype=np.int32)
        self._slots: dict[tuple[int, int, str], int] = {}
        self.written = [(("", 0, 0, ""), "", "")]
        self.entries = [""]
        self.starts = np.zeros(1 << 10, dtype=np.int64)
        self.sizes = np.zeros(1 << 10, dtype=np.int64)
        self._bytes: Bytes = np.zeros(1 << 16, dtype=np.uint8)
        self._used = 0

    def _look(self, chunks: Sequence[bytes]) -> None:
        """Look at chunks that were never seen, and give each a row."""
        lefts, rights, best = self._lefts, self._rights, self._best
        rows = []
        for data in chunks:
            chunk = _decoded(data)
            core = chunk.strip(_AROUND)
            if not (core.isascii() and core.isalpha()) or core in _NO_WORDS:
                rows.append(self._look_closely(data, chunk))
                continue
            key, start = core.lower(), 0 if core == chunk else chunk.index(core)
            end = start + len(core)
            known = 0
            for bit, table in best:
                if key in table:
                    known |= bit
            tail = _CLOSED if end < len(chunk) else lefts.get(key, _CLOSED)
            head = _CLOSED if start else rights.get(key, _CLOSED)
            self._pieces.append((f"{chunk} ", start, end, key))
            rows.append((1, start, known, tail, head, False))
        self._add(rows)

    def _look_closely(self, data: bytes, chunk: str) -> tuple[int, ...]:
        """Give the row of a chunk that may be anything."""
        if chunk.isascii() and not _LETTER.search(chunk):
            found, keys, mixed = [], [], False
        else:
            region = self._region(data)
            found, keys = region.found, region.keys
            mixed = len(found) > 1 and any(region.options)
        tail = head = _CLOSED
        if found:
            if not chunk[found[-1][1] :].strip(words.SPACE):
                tail = self._lefts.get(keys[-1], _CLOSED)
            if not chunk[: found[0][0]].strip(words.SPACE):
                head = self._rights.get(keys[0], _CLOSED)
        elif len(self._links) and not chunk.strip(words.SPACE):
            tail = head = _OPEN
        first = found[0][0] if found else 0
        if len(found) != 1:
            self._pieces.append((f"{chunk} ", 0, 0, ""))
            return (len(found), first, 0, tail, head, mixed)
        known = sum(1 << language for language, _, _ in region.options[0])
        self._pieces.append((f"{chunk} ", *found[0], keys[0]))
        return (1, first, known, tail, head, False)

    def _add(self, rows: Sequence[tuple[int, ...]]) -> None:
        """Put the rows of the last pieces where they belong."""
        if not rows:
            return
        end = len(self._pieces)
        while end > len(self._rows):
            self._rows = _doubled(self._rows)
            self._slot_of = _doubled(self._slot_of)
        self._rows[end - len(rows) : end] = np.array(rows, dtype=_ROW)

    def _options(
        self, text: str, found: list[tuple[int, int]], keys: list[str], place: int
    ) -> list[Option]:
        return [
            (language, *match)
            for language, table in enumerate(self.tables)
            if (match := table.match(text, found, keys, place))
        ]

    def _region(self, shown: bytes) -> _Region:
        text = _decoded(shown)
        found = words.units(text)
        keys = [words.key(text[start:end]) for start, end in found]
        places = []
        chunk = begin = done = 0
        for start, _ in found:
            while (space := text.find(" ", done, start)) >= 0:
                chunk, begin, done = chunk + 1, space + 1, space + 1
            done = start
            places.append((chunk, start - begin))
        options = [self._options(text, found, keys, place) for place in range(len(found))]
        region = _Region(found, keys, places, options)
        if len(shown) <= _MAX_REGION:
            self._regions[shown] = region
        return region

    def _cut(self, text: str, region: _Region, spans: list[_Span]) -> Numbers:
        """Cut a region before each of its spans but the first."""
        text += " "
        cuts = [0, *(region.found[span.place][0] for span in spans[1:]), len(text)]
        apart: list[tuple[int, ...]] = []
        rows: list[tuple[int, ...]] = []
        done = 0
        for number, (begin, end) in enumerate(pairwise(cuts)):
            piece: Piece = (text[begin:end], 0, 0, "")
            count, known, where = 0, 0, (0, 0)
            if spans:
                place, count, known, phrase = spans[number]
                start, stop = region.found[place][0], region.found[place + count - 1][1]
                piece = (piece[0], start - begin, stop - begin, phrase)
                where = region.places[place]
            row = self._others.get((piece, count, known))
            if row is None:
                row = self._others[piece, count, known] = len(self._pieces)
                self._pieces.append(piece)
                rows.append((count, 0, known, _CLOSED, _CLOSED, False))
            size = len(piece[0]) if piece[0].isascii() else len(_encoded(piece[0]))
            apart.append((row, done, size, *where))
            done += size
        self._add(rows)
        return np.array(apart, dtype=np.int64)


class _Index:
    """Finds the numbers of keys of two times 64 bits: a table of hashes with linear probing."""

    def __init__(self) -> None:
        self._count = 0
        self._make(1 << 12)

    def find(self, first: Keys, second: Keys) -> Numbers:
        """Give the number of each key, 0 if it has none."""
        slots = self._home(first, second)
        numbers = self._numbers.take(slots)
        other = (self._first.take(slots) != first) | (self._second.take(slots) != second)
        left = np.flatnonzero(other & (numbers > 0))
        while len(left):
            slots[left] = near = (slots[left] + 1) & self._last
            numbers[left] = found = self._numbers[near]
            other = (self._first[near] != first[left]) | (self._second[near] != second[left])
            left = left[other & (found > 0)]
        return numbers

    def add(self, first: Keys, second: Keys, numbers: Numbers) -> None:
        """Add keys, each once and none that is there already, with numbers above 0."""
        self._count += len(numbers)
        if self._count * 3 > self._last:
            used = np.flatnonzero(self._numbers)
            old = self._first[used], self._second[used], self._numbers[used]
            self._make(1 << (self._count * 6).bit_length())
            self._put(*old)
        self._put(first, second, numbers)

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


def _pair(raw: bytes, begins: Numbers, ends: Numbers) -> tuple[Keys, Keys]:
    """Turn chunks into keys: their first 15 bytes, and how many they are, up to 16."""
    sizes = np.minimum(ends - begins, _SHORT + 1)
    data = raw + bytes(16)
    eight = np.ndarray(len(data) - 7, dtype="<u8", buffer=data, strides=(1,))
    first: Keys = eight[begins] & _LOW.take(sizes)
    second: Keys = eight[begins + 8] & _HIGH.take(sizes)
    second |= _SIZE.take(sizes)
    return first, second


def _neighbours(table: Table) -> Iterator[tuple[str, str, bool]]:
    """List the units that follow each other in phrases, across a space, and whether that is all."""
    for phrase in table.best:
        if " " in phrase:
            parts = phrase.split(" ")
            for left, right in pairwise(parts):
                if not phrase.isascii():
                    left, right = _ends(left)[1], _ends(right)[0]
                yield left, right, len(parts) == 2


def _ends(word: str) -> tuple[str, str]:
    """Give the first and the last unit of a word."""
    found = words.units(word)
    (start, end), (begin, stop) = found[0], found[-1]
    return word[start:end], word[begin:stop]


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "surrogatepass")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _doubled(array: Array) -> Array:
    """Give an array twice as long in its last dimension."""
    return np.concatenate([array, np.zeros_like(array)], axis=-1)  # type: ignore[return-value]


def _with(array: Bytes, begin: int, data: bytes) -> Bytes:
    """Put bytes into an array, or into a longer one."""
    end = begin + len(data)
    if end > len(array):
        array = np.concatenate([array, np.zeros(end, dtype=np.uint8)])
    array[begin:end] = np.frombuffer(data, dtype=np.uint8)
    return array
