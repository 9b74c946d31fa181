"""What regions are taken apart into, remembered by the rows of their chunks."""

from collections.abc import Iterable, Sequence
from itertools import accumulate, chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cstool.switching.index import LONGEST_RUN, MAX_NUMBER, MAX_TAG, Index, Numbers, run_keys
from cstool.switching.phrases import Choose, Option, Phrases, Region, Span
from cstool.switching.rows import Rows, doubled

POSITION_BITS = 32  # of the character within a chunk; the number of the chunk is above them
PLAIN, CHOSEN = 0, -1  # instead of the number of pieces: all chunks stay, or it is not known before
_U = np.uint64


class Parts(NamedTuple):
    """What a region is taken apart into: rows of pieces, their first bytes, and positions.

    A position tells after how many spaces of the region the first word of a piece starts, and how
    many characters after the last of them.
    """

    rows: Sequence[int]
    begins: Sequence[int]
    positions: Sequence[int]


_UNKNOWN = Parts((), (), ())


class Regions:
    """Takes regions apart, and gives what came of it a number.

    By these numbers, `size` tells how many pieces there are, or PLAIN or CHOSEN, and `start` where
    their columns are in `parts` (those of Parts).
    """

    def __init__(self, phrases: Phrases, rows: Rows) -> None:
        self._phrases, self._rows = phrases, rows
        self._regions: dict[tuple[int, ...], Region] = {}
        self._index = Index()
        self._tags: dict[int, int] = {}
        self._count = 1  # no cut has number 0
        self.start: Numbers = np.zeros(1 << 10, dtype=np.int64)
        self.size: Numbers = np.zeros(1 << 10, dtype=np.int64)
        self.parts: Numbers = np.zeros((3, 1 << 10), dtype=np.int64)
        self._used = 0

    def __len__(self) -> int:
        """Count what is remembered."""
        return max(self._count, len(self._regions))

    def find(
        self, numbers: Numbers, firsts: Numbers, sizes: Numbers, allowed: NDArray[np.uint64]
    ) -> Numbers:
        """Find what regions, runs of rows, are taken apart into.

        `sizes` has how many chunks each region is long; `allowed` the languages that count there,
        a bit for each. The result is 0 for a region that must be taken apart by itself.
        """
        found = np.zeros(len(firsts), dtype=np.int64)
        tags = self._tags_of(allowed)
        usable = np.flatnonzero((sizes <= LONGEST_RUN) & (tags >= 0))
        if not len(usable) or len(self._rows) > MAX_NUMBER:
            return found
        firsts, sizes, allowed = firsts[usable], sizes[usable], allowed[usable]
        first, second = run_keys(numbers, firsts, sizes, tags[usable])
        cuts = self._index.find(first, second)
        missing = np.flatnonzero(cuts == 0)
        if len(missing):
            new: dict[tuple[int, int], int] = {}
            made: list[Parts | None] = []
            names = zip(first[missing].tolist(), second[missing].tolist(), strict=True)
            begins, ends = firsts[missing].tolist(), (firsts + sizes)[missing].tolist()
            bits = allowed[missing].tolist()
            for place, name in enumerate(names):
                if name not in new:
                    new[name] = self._count + len(new)
                    run = tuple(numbers[begins[place] : ends[place]].tolist())
                    made.append(self._first_apart(run, bits[place]))
                cuts[missing[place]] = new[name]
            self._rows.settle()
            self._remember(made)
            keys = np.array(list(new), dtype=_U)
            self._index.add(keys[:, 0], keys[:, 1], list(new.values()))
        found[usable] = cuts
        return found

    def apart(
        self, run: tuple[int, ...], allowed: int, choose: Choose, text: str = ""
    ) -> Parts | None:
        """Take a region apart; None if every chunk stays as it is.

        `text` is what stands there really, where something is hidden from the rows of the chunks.
        """
        region = self._region(run)
        spans, _ = self._phrases.spans(region, allowed, choose)
        parts = self._cut(run, region, spans, text)
        self._rows.settle()
        return parts

    def _tags_of(self, allowed: NDArray[np.uint64]) -> Numbers:
        """Number the sets of languages that are allowed; -1 if there are too many."""
        if len(allowed) and (allowed == allowed[0]).all():
            return np.full(len(allowed), self._tag(int(allowed[0])))
        return np.fromiter(map(self._tag, allowed.tolist()), np.int64, len(allowed))

    def _tag(self, bits: int) -> int:
        if bits not in self._tags and len(self._tags) <= MAX_TAG:
            self._tags[bits] = len(self._tags)
        return self._tags.get(bits, -1)

    def _first_apart(self, run: tuple[int, ...], allowed: int) -> Parts | None:
        """Take a region apart unless that is to be chosen: then there are no parts at all."""
        if len(run) == 1 and not self._phrases.start(self._rows.several[run[0]][1]):
            return self._words_apart(run[0])
        region = self._region(run)
        if not region.options:
            if len(run) == 1:
                return self._words_apart(run[0])
            if self._rows.several.keys().isdisjoint(run):
                return None
        spans, chosen = self._phrases.spans(region, allowed, _no_choice)
        return _UNKNOWN if chosen else self._cut(run, region, spans)

    def _words_apart(self, row: int) -> Parts:
        """Take apart a chunk of several words that are no phrase."""
        text = self._rows.pieces[row][0]
        found, keys, known = self._rows.several[row]
        cuts = [0, *[start for start, _ in found[1:]], len(text)]
        rows = []
        for number, (start, end) in enumerate(found):
            begin = cuts[number]
            piece = text[begin : cuts[number + 1]], start - begin, end - begin, keys[number]
            rows.append(self._rows.other(piece, 1, known[number]))
        begins = cuts[:-1] if text.isascii() else [_size(text[:cut]) for cut in cuts[:-1]]
        return Parts(rows, begins, [start for start, _ in found])

    def _remember(self, made: Sequence[Parts | None]) -> None:
        added = slice(self._count, self._count + len(made))
        while added.stop > len(self.size):
            self.start, self.size = doubled(self.start), doubled(self.size)
        sizes = [PLAIN if each is None else len(each.rows) or CHOSEN for each in made]
        self.size[added] = sizes
        lengths = np.maximum(sizes, 0)
        self.start[added] = np.cumsum(lengths) - lengths + self._used
        self._count = added.stop
        columns: Iterable[tuple[Sequence[int], ...]] = zip(*filter(None, made), strict=True)
        end = self._used + int(lengths.sum())
        while end > self.parts.shape[1]:
            self.parts = doubled(self.parts)
        for number, values in enumerate(columns):
            self.parts[number, self._used : end] = list(chain.from_iterable(values))
        self._used = end

    def _region(self, run: tuple[int, ...]) -> Region:
        """Look up the units of chunks together."""
        if run in self._regions:
            return self._regions[run]
        found: list[tuple[int, int]] = []
        keys: list[str] = []
        places: list[tuple[int, int]] = []
        known: list[int] = []
        texts = []
        begin = 0
        for chunk, row in enumerate(run):
            text, start, end, key = self._rows.pieces[row]
            if key:
                found.append((begin + start, begin + end))
                keys.append(key)
                places.append((chunk, start))
                known.append(int(self._rows.known[row]))
            elif row in self._rows.several:
                mine, units, bits = self._rows.several[row]
                found += [(begin + start, begin + end) for start, end in mine]
                places += [(chunk, start) for start, _ in mine]
                keys += units
                known += bits
            texts.append(text)
            begin += len(text)
        region = self._phrases.region("".join(texts), found, keys, places, known)
        if len(run) <= LONGEST_RUN:
            self._regions[run] = region
        return region

    def _cut(
        self, run: tuple[int, ...], region: Region, spans: Sequence[Span], text: str = ""
    ) -> Parts | None:
        """Cut a region before each chunk, unless it is within a span, and before further spans."""
        several = self._rows.several
        if len(spans) == len(region.found) and several.keys().isdisjoint(run) and not text:
            return None
        texts = [self._rows.pieces[row][0] for row in run]
        hidden, text = bool(text), text or "".join(texts)
        begins = [0, *accumulate(map(len, texts))]
        of_chunk: list[list[Span]] = [[] for _ in run]
        inside: set[int] = set()
        for span in spans:
            chunk = region.places[span.place][0]
            of_chunk[chunk].append(span)
            if span.length > 1:
                last = region.places[span.place + span.length - 1][0]
                inside.update(range(chunk + 1, last + 1))
        cuts: list[tuple[int, Span | None, int]] = []
        for chunk, mine in enumerate(of_chunk):
            if chunk not in inside:
                cuts.append((begins[chunk], mine[0] if mine else None, chunk))
                mine = mine[1:]
            cuts += [(region.found[span.place][0], span, chunk) for span in mine]
        made: list[tuple[int, int, int]] = []
        done = 0
        ends = [*(begin for begin, _, _ in cuts[1:]), begins[-1]]
        for (begin, one, chunk), end in zip(cuts, ends, strict=True):
            row, whole = run[chunk], (begin, end) == (begins[chunk], begins[chunk + 1])
            changed = one is not None and one.known != region.known[one.place]
            if hidden or changed or not whole or row in several:
                row = self._other(text[begin:end], one, begin, region)
            offset = region.places[one.place][1] if one else 0
            made.append((row, done, chunk << POSITION_BITS | offset))
            done += _size(text[begin:end])
        return Parts(*zip(*made, strict=True))

    def _other(self, text: str, span: Span | None, begin: int, region: Region) -> int:
        if span is None:
            return self._rows.other((text, 0, 0, ""), 0, 0)
        start, stop = region.found[span.place][0], region.found[span.place + span.length - 1][1]
        piece = text, start - begin, stop - begin, span.phrase
        return self._rows.other(piece, span.length, span.known)


def _no_choice(chunk: int, offset: int, options: Sequence[Option]) -> Option:
    """Stand in for a choice that is not yet to be made."""
    return options[0]


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
