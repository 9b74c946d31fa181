"""What the tables of a lexicon know about words that stand in a row: which phrases they make up.

A region is a run of chunks (see `pieces`) that are looked at together, because one holds several
words, or because a phrase may go on from one to the next. Its words fall into spans: a word or a
phrase that is replaced as a whole.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise, repeat
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cstool import words
from cstool.errors import CstoolError
from cstool.lexicons.store import Lexicon, Table
from cstool.switching.index import Numbers
from cstool.switching.rows import CLOSED, OPEN

_HASH_BITS = 19
_SPREAD = 0x1F123BB5, 0x2545F491  # odd, and their bits in no order
_MAX_LANGUAGES = 62  # a bit for each, and one for the source language
# The longest phrase of a language that starts at a unit: the language, how many units, and its key.
Option = tuple[int, int, str]
# Chooses among phrases of different length that start at a chunk and one of its characters; None is
# the word as it is.
Choose = Callable[[int, int, Sequence[Option]], Option | None]


class Span(NamedTuple):
    """A word or phrase: the place of its first unit, how many units, who knows it, and its key."""

    place: int
    length: int
    known: int
    phrase: str


class Region(NamedTuple):
    """The units of a run of chunks: where in the text, their keys, and where in which chunk."""

    found: list[tuple[int, int]]
    keys: list[str]
    places: list[tuple[int, int]]
    options: dict[int, list[Option]]  # where phrases start
    known: list[int]  # a bit for each language that has a translation of the unit alone


class Phrases:
    """The tables of a lexicon by their numbers, and which words follow each other in phrases."""

    def __init__(self, lexicon: Lexicon) -> None:
        if len(lexicon) > _MAX_LANGUAGES:
            raise CstoolError(f"{len(lexicon)} languages, expected at most {_MAX_LANGUAGES}")
        self.languages = sorted(lexicon)
        self.tables = [lexicon[name] for name in self.languages]
        self._starts = frozenset(key for table in self.tables for key in table.longest)
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
        # Most pairs of words are none of these: a table of hashes says so at once.
        self._maybe = np.zeros(1 << _HASH_BITS, dtype=np.bool_)
        self._maybe[_hashes(self._links >> 32, self._links & 0xFFFFFFFF)] = True

    def __len__(self) -> int:
        """Count the pairs of words that follow each other in phrases."""
        return len(self._links)

    def known(self, keys: Sequence[str]) -> NDArray[np.uint64]:
        """Tell for each key, in bits, which languages have a translation."""
        found = np.zeros(len(keys), dtype=np.uint64)
        for number, table in enumerate(self.tables):
            there = np.fromiter(map(table.best.__contains__, keys), np.bool_, len(keys))
            found |= there.astype(np.uint64) << np.uint64(number)
        return found

    def tails(self, keys: Sequence[str]) -> Numbers:
        """Give the number of each key as a word that another may follow, or CLOSED."""
        return np.fromiter(map(self._lefts.get, keys, repeat(CLOSED)), np.int64, len(keys))

    def heads(self, keys: Sequence[str]) -> Numbers:
        """Give the number of each key as a word that may follow another, or CLOSED."""
        return np.fromiter(map(self._rights.get, keys, repeat(CLOSED)), np.int64, len(keys))

    def tail(self, key: str) -> int:
        """Give what `tails` does, for one."""
        return self._lefts.get(key, CLOSED)

    def head(self, key: str) -> int:
        """Give what `heads` does, for one."""
        return self._rights.get(key, CLOSED)

    def start(self, keys: Sequence[str]) -> bool:
        """Tell whether phrases begin with any of these units."""
        return not self._starts.isdisjoint(keys)

    def linked(self, tails: Numbers, heads: Numbers) -> tuple[NDArray[np.bool_], ...]:
        """Tell whether a phrase may go on from a tail to a head, neither of them CLOSED.

        And whether what goes on there is at least three words long.
        """
        found = (tails == OPEN) | (heads == OPEN)
        longer = np.zeros(len(found), dtype=np.bool_)
        maybe = np.flatnonzero(self._maybe.take(_hashes(tails, heads), mode="clip"))
        pairs = tails.take(maybe, mode="clip") << 32 | heads.take(maybe, mode="clip")
        nearest = np.searchsorted(self._links, pairs)
        there = self._links.take(nearest, mode="clip") == pairs
        found[maybe] |= there
        longer[maybe] = there & ~self._whole.take(nearest, mode="clip")
        return found, longer

    def region(
        self,
        text: str,
        found: list[tuple[int, int]],
        keys: list[str],
        places: list[tuple[int, int]],
        known: list[int],
    ) -> Region:
        """Look up which phrases start in a region."""
        spaced = text.isascii()
        options = {
            place: [
                (language, *match)
                for language, table in enumerate(self.tables)
                if (match := table.match(text, found, keys, place))
            ]
            for place, (key, following) in enumerate(pairwise(keys))
            if key in self._starts and not (spaced and self._strangers(key, following))
        }
        return Region(found, keys, places, options, known)

    def _strangers(self, left: str, right: str) -> bool:
        """Tell that two words, with a space between, follow each other in no phrase."""
        tail, head = self._lefts.get(left, CLOSED), self._rights.get(right, CLOSED)
        return min(tail, head) == CLOSED or not self._maybe[_hashes(tail, head)]

    def spans(self, region: Region, allowed: int, choose: Choose) -> tuple[list[Span], bool]:
        """Divide a region into spans, and tell whether that was chosen.

        `allowed` has the bits of the languages that count. Where their phrases differ in length,
        one language is chosen; if none is, because the words stay as they are, the longest phrase
        is a span all the same.
        """
        spans: list[Span] = []
        chosen = False
        place = 0
        while place < len(region.found):
            options = region.options.get(place, [])
            if options:
                options = [each for each in options if allowed >> each[0] & 1]
            if not options or max(length for _, length, _ in options) == 1:
                spans.append(Span(place, 1, region.known[place], region.keys[place]))
                place += 1
                continue
            if len({length for _, length, _ in options}) > 1:
                chosen = True
                longest = max(length for _, length, _ in options)
                one = choose(*region.places[place], options)
                options = [one] if one else [each for each in options if each[1] == longest]
            known = sum(1 << language for language, _, _ in options)
            spans.append(Span(place, options[0][1], known, options[0][2]))
            place += options[0][1]
        return spans, chosen


def _hashes(tails: Any, heads: Any) -> Any:
    return (tails * _SPREAD[0] ^ heads * _SPREAD[1]) >> 20 & (1 << _HASH_BITS) - 1


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
