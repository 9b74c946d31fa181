"""Switch many texts at once: what `codeswitch` does to one side, in operations on arrays.

All texts stand one after another in one array of bytes, a space behind each. It falls into pieces
(`pieces`), of which each has a row that says what the lexicon knows of its word or phrase. Draws
decide which pieces are replaced, and in which language; then the new texts are gathered.

What is drawn for a span depends on the draw of its text and on where the span's first word starts:
after how many spaces (U+0020), and how many characters after the last of them.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cstool import draws
from cstool.account import Account
from cstool.draws import Draws
from cstool.lexicons.store import Lexicon
from cstool.pieces import BEGIN, CHUNK, OFFSET, ROW, SIZE, Bytes, Knowledge, Numbers, Option
from cstool.replacements import Replacement
from cstool.words import key

Flags = NDArray[np.bool_]

_SPACE = ord(" ")
# What is protected is hidden: by the number of its bytes, a character that is no part of a word,
# nor is any word that touches it. So places do not change.
_HIDDEN = {1: "_", 2: "\u0660", 3: "\u0966", 4: "\U0001d7ce"}
_OFFSET_BITS = 32
_U = np.uint64
# What a span or a text draws for, besides its languages: no language is called so.
_REPLACED, _TRANSLATION = draws.named("is it replaced?"), draws.named("by which translation?")


@dataclass(frozen=True)
class Side:
    """How the texts of a side are switched.

    `languages` are those that may be drawn, with their weights, the source language among them if
    words may be drawn to stay as they are.
    """

    languages: Mapping[str, float]
    ratio: float


@dataclass(frozen=True)
class Rules:
    """How all sides are switched: see `codeswitch.Switcher`."""

    source: str
    per: str
    ratio_of: str
    choice: str
    protect: re.Pattern[str] | None


@dataclass
class Batch:
    """What became of some texts: the texts, the account, and where what was replaced."""

    texts: list[str]
    account: Account
    _replacements: list[list[Replacement]] = field(default_factory=list)

    def replacements(self, number: int) -> list[Replacement]:
        """Give what was replaced in a text, if that was asked for."""
        return self._replacements[number]


class _Laid(NamedTuple):
    """Texts laid one after another, and the chunks that they are cut into at spaces."""

    raw: bytes
    shown: bytes  # the same, but what is protected is hidden
    hidden: Flags | None  # the chunks of which something is
    begins: Numbers
    ends: Numbers  # of chunks: where their space stands
    text: Numbers  # of chunks: the number of the text
    first: Numbers  # of texts: the number of the first chunk

    @classmethod
    def of(cls, texts: Sequence[str], protect: re.Pattern[str] | None) -> "_Laid":
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        raw = b"".join([part for data in encoded for part in (data, b" ")])
        array = np.frombuffer(raw, dtype=np.uint8)
        ends = np.flatnonzero(array == _SPACE)
        begins = np.empty_like(ends)
        begins[0], begins[1:] = 0, ends[:-1] + 1
        text_ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)) + 1) - 1
        counts = np.diff(np.searchsorted(ends, text_ends), prepend=-1)
        laid = cls(
            raw,
            raw,
            None,
            begins,
            ends,
            np.repeat(np.arange(len(texts)), counts),
            np.cumsum(counts) - counts,
        )
        return laid._protected(texts, protect) if protect else laid

    def _protected(self, texts: Sequence[str], protect: re.Pattern[str]) -> "_Laid":
        hidden = (protect.sub(_hidden, text) for text in texts)
        shown = "".join([part for text in hidden for part in (text, " ")])
        data = shown.encode("utf-8", "surrogatepass")
        raw, other = (np.frombuffer(each, dtype=np.uint8) for each in (self.raw, data))
        sums = np.concatenate([[0], np.cumsum(raw != other)])
        return self._replace(shown=data, hidden=sums[self.ends] > sums[self.begins])


class _Pieces(NamedTuple):
    """What the texts are cut into, one after another: an array for each column."""

    row: Numbers
    begin: Numbers  # the first byte
    size: Numbers
    text: Numbers
    position: Draws  # of the first word in the text


class _Replaced(NamedTuple):
    """The pieces that are replaced: their numbers, by which language, and what is written."""

    which: Numbers
    language: Numbers
    slot: Numbers


class Batches:
    """Switches texts with one lexicon. What it remembers of texts never changes what it does."""

    def __init__(self, lexicon: Lexicon, rules: Rules) -> None:
        self._rules = rules
        self._knowledge = Knowledge(lexicon)
        self._numbers = {name: number for number, name in enumerate(self._knowledge.languages)}

    def switch(
        self,
        texts: Sequence[str],
        drawn: Sequence[int],
        side: Side,
        kept: Sequence[bool] | None = None,
        *,
        with_replacements: bool = False,
    ) -> Batch:
        """Switch texts, of which each has a draw of its own; those `kept` stay as they are."""
        languages = [name for name in side.languages if name != self._rules.source]
        account = Account(texts=len(texts), kept=sum(kept or ()))
        if not texts or not languages:
            account.words = self._count(texts, kept)
            return Batch(list(texts), account, [[] for _ in texts])
        self._knowledge.tidy()
        laid = _Laid.of(texts, self._rules.protect)
        text_draws = np.array(drawn, dtype=_U)
        allowed = self._allowed(text_draws, side)
        if kept is not None:
            allowed[np.array(kept, dtype=np.bool_)] = 0
        pieces = self._pieces(laid, text_draws, allowed, side)
        rows = self._knowledge.rows(pieces.row)
        known = rows["known"] & allowed[pieces.text]
        replaced = self._replaced(pieces, rows["words"], known, text_draws, side)
        counted = pieces, rows["words"], known, replaced
        self._count_in(account, counted, allowed, languages, kept)
        found = self._replacements(laid, pieces, replaced, len(texts)) if with_replacements else []
        return Batch(self._written(laid, pieces, replaced, texts), account, found)

    def _allowed(self, text_draws: Draws, side: Side) -> Draws:
        """Give the languages that words of each text may be drawn to, a bit for each."""
        bits = {name: _U(1) << _U(number) for name, number in self._numbers.items()}
        if self._rules.per == "span":
            every = sum(int(bits[name]) for name in side.languages if name in bits)
            return np.full(len(text_draws), every, dtype=_U)
        names = sorted(side.languages)
        races = [
            draws.race(draws.of(text_draws, draws.named(name)), side.languages[name])
            for name in names
        ]
        drawn = np.argmax(races, axis=0)
        found: Draws = np.array([bits.get(name, 0) for name in names], dtype=_U)[drawn]
        return found

    def _pieces(self, laid: _Laid, text_draws: Draws, allowed: Draws, side: Side) -> _Pieces:
        numbers = self._knowledge.chunks(laid.shown, laid.begins, laid.ends)
        rows = self._knowledge.rows(numbers)
        chunk = np.arange(len(numbers)) - laid.first[laid.text]
        columns = [
            numbers,
            laid.begins,
            laid.ends + 1 - laid.begins,
            laid.text,
            chunk,
            rows["first"],
        ]
        regions = self._regions(laid, rows)
        if len(regions):
            columns = self._cut(laid, regions, columns, text_draws, allowed, side)
        row, begin, size, text, chunk, offset = columns
        position = chunk.view(_U) << _U(_OFFSET_BITS) | offset.view(_U)
        return _Pieces(row, begin, size, text, position)

    def _regions(self, laid: _Laid, rows: NDArray[Any]) -> Numbers:
        """Find the runs of chunks that must be looked at together: the first and the last of each.

        They are chunks of several words, or chunks that a phrase may go on from to the next.
        """
        linked = self._knowledge.linked(rows, laid.first)
        inside = rows["mixed"] | linked[:-1] | linked[1:]
        if laid.hidden is not None:
            inside |= laid.hidden
        firsts = np.flatnonzero(inside & ~linked[:-1])
        lasts = np.flatnonzero(inside & ~linked[1:])
        return np.stack([firsts, lasts], axis=1)

    def _cut(
        self,
        laid: _Laid,
        regions: Numbers,
        columns: Sequence[Numbers],
        text_draws: Draws,
        allowed: Draws,
        side: Side,
    ) -> list[Numbers]:
        """Put the pieces of regions in the place of their chunks."""
        weights = self._weights(side)
        chunk = columns[4]
        counts = np.ones(len(chunk), dtype=np.int64)
        made, where = [], []
        texts = laid.text[regions[:, 0]]
        lines = zip(
            regions.tolist(),
            laid.begins[regions[:, 0]].tolist(),
            laid.ends[regions[:, 1]].tolist(),
            chunk[regions[:, 0]].tolist(),
            allowed[texts].tolist(),
            text_draws[texts].tolist(),
            strict=True,
        )
        for (first, last), begin, end, place, bits, draw in lines:
            if not bits:
                continue
            choose = partial(_choose, draw, place, weights)
            raw, shown = laid.raw[begin:end], laid.shown[begin:end]
            apart = self._knowledge.apart(raw, shown, bits, choose)
            if apart is None:
                continue
            counts[first], counts[first + 1 : last + 1] = len(apart), 0
            made.append(apart)
            where.append((first, len(apart), begin, place))
        if not made:
            return list(columns)
        parts = np.concatenate(made)
        firsts, sizes, begins, places = np.array(where, dtype=np.int64).T
        from_chunk = np.repeat(np.arange(len(counts)), counts)
        starts = np.cumsum(counts) - counts
        into = _ranges(starts[firsts], sizes)
        cut = [column[from_chunk] for column in columns]
        cut[0][into] = parts[:, ROW]
        cut[1][into] = parts[:, BEGIN] + np.repeat(begins, sizes)
        cut[2][into] = parts[:, SIZE]
        cut[4][into] = parts[:, CHUNK] + np.repeat(places, sizes)
        cut[5][into] = parts[:, OFFSET]
        return cut

    def _weights(self, side: Side) -> list[tuple[int, int, float]]:
        """Give the number, the name's draw and the weight of each language; -1 for the source."""
        return [
            (self._numbers.get(name, -1), draws.named(name), weight)
            for name, weight in sorted(side.languages.items())
        ]

    def _replaced(
        self, pieces: _Pieces, sizes: Numbers, known: Draws, text_draws: Draws, side: Side
    ) -> _Replaced:
        which = np.flatnonzero(known)
        share = np.full(len(text_draws), side.ratio)
        if self._rules.ratio_of == "all":
            share = self._compensated(pieces, sizes, known, share)
        text = pieces.text[which]
        drawn = draws.at(text_draws[text], pieces.position[which])
        chosen = draws.below(draws.of(drawn, _REPLACED), share[text])
        which, drawn = which[chosen], drawn[chosen]
        language = self._languages(known[which], drawn, side)
        there = language >= 0
        which, drawn, language = which[there], drawn[there], language[there]
        slots = self._knowledge.slots(pieces.row[which], language)
        if self._rules.choice == "weighted":
            self._choose_translations(pieces.row[which], language, slots, drawn)
        return _Replaced(which, language, slots)

    def _compensated(
        self, pieces: _Pieces, sizes: Numbers, known: Draws, share: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Raise the share in each text by as much as it has words that cannot be replaced."""
        words = np.bincount(pieces.text, sizes, len(share))
        matched = np.bincount(pieces.text, np.where(known > 0, sizes, 0), len(share))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(matched > 0, np.minimum(1.0, share * words / matched), 0.0)

    def _languages(self, known: Draws, drawn: Draws, side: Side) -> Numbers:
        """Draw a language for each span among those that know it; -1 for the source."""
        racing = self._weights(side)
        if self._rules.per == "text":  # there is one that may know it
            racing = [each for each in racing if each[0] >= 0]
        numbers = np.array([number for number, _, _ in racing])
        if len(racing) == 1:
            return np.full(len(known), numbers[0])
        every = np.arange(len(known))
        best = np.full(len(known), -np.inf)
        found = np.full(len(known), -1)
        for number, name, weight in racing:
            can = np.flatnonzero(known >> _U(number) & _U(1)) if number >= 0 else every
            race = draws.race(draws.of(drawn[can], name), weight)
            wins = race > best[can]
            best[can[wins]], found[can[wins]] = race[wins], number
        return found

    def _choose_translations(
        self, rows: Numbers, languages: Numbers, slots: Numbers, drawn: Draws
    ) -> None:
        for place, language in enumerate(languages.tolist()):
            phrase = self._knowledge.written[slots[place]][0][3]
            several = self._knowledge.tables[language].several.get(phrase, {})
            weights = [(target, score) for target, score in several.items() if score > 0]
            if weights:
                target = draws.winner(draws.one_of(int(drawn[place]), _TRANSLATION), weights)
                slots[place] = self._knowledge.slot(int(rows[place]), language, target)

    def _written(
        self, laid: _Laid, pieces: _Pieces, replaced: _Replaced, texts: Sequence[str]
    ) -> list[str]:
        arena, begin = self._knowledge.arena(laid.raw)
        starts, sizes = pieces.begin + begin, pieces.size.copy()
        starts[replaced.which] = self._knowledge.starts[replaced.slot]
        sizes[replaced.which] = self._knowledge.sizes[replaced.slot]
        data = _gathered(arena, starts, sizes)
        last = np.searchsorted(pieces.text, np.arange(len(texts)), side="right") - 1
        ends = np.cumsum(sizes)[last]
        changed = np.unique(pieces.text[replaced.which])
        made = list(texts)
        begins = np.concatenate([[0], ends[:-1]])
        for number, start, end in zip(
            changed.tolist(), begins[changed].tolist(), (ends[changed] - 1).tolist(), strict=True
        ):
            made[number] = data[start:end].decode("utf-8", "surrogatepass")
        return made

    def _replacements(
        self, laid: _Laid, pieces: _Pieces, replaced: _Replaced, count: int
    ) -> list[list[Replacement]]:
        found: list[list[Replacement]] = [[] for _ in range(count)]
        begins = laid.begins[laid.first].tolist()
        text, done, length = -1, 0, 0  # of `done` bytes, `length` are no first ones of a character
        for which, slot in zip(replaced.which.tolist(), replaced.slot.tolist(), strict=True):
            number, begin = int(pieces.text[which]), int(pieces.begin[which])
            if number != text:
                text, done, length = number, begins[number], 0
            length += len(laid.raw[done:begin].decode("utf-8", "surrogatepass"))
            done = begin
            (piece, start, end, _), language, target = self._knowledge.written[slot]
            found[number].append(
                Replacement(length + start, length + end, piece[start:end], target, language)
            )
        return found

    def _count(self, texts: Sequence[str], kept: Sequence[bool] | None) -> int:
        """Count the words of texts that are left alone, but not of those that are kept."""
        counted = [text for number, text in enumerate(texts) if not (kept and kept[number])]
        if not counted:
            return 0
        laid = _Laid.of(counted, self._rules.protect)
        numbers = self._knowledge.chunks(laid.shown, laid.begins, laid.ends)
        return int(self._knowledge.rows(numbers)["words"].sum())

    def _count_in(
        self,
        account: Account,
        counted: tuple[_Pieces, Numbers, Draws, _Replaced],
        allowed: Draws,
        languages: Sequence[str],
        kept: Sequence[bool] | None,
    ) -> None:
        pieces, sizes, known, replaced = counted
        if kept is not None:
            sizes = np.where(np.array(kept, dtype=np.bool_)[pieces.text], 0, sizes)
        texts = len(allowed)
        words = np.bincount(pieces.text, sizes, texts)
        account.words = int(sizes.sum())
        account.matched = int(sizes[known > 0].sum())
        numbers = [self._numbers[name] for name in languages]
        for name, number in zip(languages, numbers, strict=True):
            bit = _U(1) << _U(number)
            account.reached[name] = int(words[(allowed & bit) > 0].sum())
            account.known[name] = int(sizes[(known & bit) > 0].sum())
            account.replaced[name] = int(sizes[replaced.which[replaced.language == number]].sum())
        counts = np.bincount(replaced.slot)
        slots = np.flatnonzero(counts)
        counts = counts[slots]
        entries = self._knowledge.entries
        used: Counter[str] = Counter()
        for slot, count in zip(slots.tolist(), counts.tolist(), strict=True):
            used[entries[slot]] += count
        account.used, account.spans = used, used.total()
        account.identical = sum(count for entry, count in used.items() if _is_identical(entry))
        account.mixing, account.switch_points = _mixing(pieces.text, sizes, replaced, words)


@lru_cache(maxsize=1 << 16)
def _is_identical(entry: str) -> bool:
    _, source, target = entry.split("\t")
    return key(source) == key(target)


def _mixing(
    text: Numbers, sizes: Numbers, replaced: _Replaced, words: NDArray[Any]
) -> tuple[float, int]:
    """Give the sum of the Code-Mixing Indices, and the number of switch points: see `Account`."""
    spoken = np.full(len(text), -1)
    spoken[replaced.which] = replaced.language
    said = np.flatnonzero(sizes)
    same_text = text[said[1:]] == text[said[:-1]]
    points = int((same_text & (spoken[said[1:]] != spoken[said[:-1]])).sum())
    width = int(replaced.language.max(initial=0)) + 1
    flat = text[replaced.which] * width + replaced.language
    shares = np.bincount(flat, sizes[replaced.which], len(words) * width).reshape(-1, width)
    most = np.maximum(shares.max(1), words - shares.sum(1))
    there = words > 0
    return float((1 - most[there] / words[there]).sum()), points


def _choose(
    draw: int,
    place: int,
    weights: Sequence[tuple[int, int, float]],
    chunk: int,
    offset: int,
    options: Sequence[Option],
) -> Option | None:
    """Let languages whose phrases differ in length race as `Batches._languages` lets others."""
    drawn = draws.one_at(draw, (place + chunk) << _OFFSET_BITS | offset)
    by_language: dict[int, Option | None] = {option[0]: option for option in options}
    by_language[-1] = None
    racing: Iterator[tuple[float, int]] = (
        (draws.one_race(draws.one_of(drawn, name), weight), number)
        for number, name, weight in weights
        if number in by_language
    )
    return by_language[max(racing)[1]]


def _gathered(arena: Bytes, starts: Numbers, sizes: Numbers) -> bytes:
    """Put stretches of an array one after another."""
    return arena.take(_ranges(starts, sizes)).tobytes()


def _ranges(starts: Numbers, sizes: Numbers) -> Numbers:
    """Give start, start + 1, ... for each start, as many as its size, one after another."""
    ends = np.cumsum(sizes)
    found: Numbers = np.repeat(starts - ends + sizes, sizes)
    found += np.arange(len(found))
    return found


def _hidden(match: re.Match[str]) -> str:
    return "".join(" " if letter == " " else _HIDDEN[_size(letter)] for letter in match[0])


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
