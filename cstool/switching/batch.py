"""Switch many texts at once: what `codeswitch` does to one side, in operations on arrays.

All texts stand one after another in one array of bytes, a space behind each. It falls into pieces
(`pieces`), of which each has a row that says what the lexicon knows of its word or phrase. Draws
decide which pieces are replaced, and in which language; then the new texts are gathered.

What is drawn for a span depends on the draw of its text and on where the span's first word starts:
after how many spaces (U+0020), and how many characters after the last of them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cstool import draws
from cstool.account import Account
from cstool.draws import Draws
from cstool.lexicons.store import Lexicon
from cstool.replacements import Replacement
from cstool.switching.counting import account_of
from cstool.switching.cutting import Pieces, Weight, cut
from cstool.switching.index import Numbers
from cstool.switching.laid import Laid, gathered
from cstool.switching.pieces import Knowledge
from cstool.switching.regions import POSITION_BITS

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
        text_draws: Draws,
        side: Side,
        kept: Sequence[bool] | None = None,
        *,
        with_replacements: bool = False,
    ) -> Batch:
        """Switch texts, of which each has a draw of its own; those `kept` stay as they are."""
        languages = [name for name in side.languages if name != self._rules.source]
        account = Account(texts=len(texts), kept=sum(kept or ()))
        if not texts or not languages:
            self._knowledge.tidy()
            account.words = self._count(texts, kept)
            return Batch(list(texts), account, [[] for _ in texts])
        knowledge = self._knowledge
        knowledge.tidy()
        laid = Laid.of(texts, self._rules.protect)
        allowed = self._allowed(text_draws, side)
        if kept is not None:
            allowed[np.array(kept, dtype=np.bool_)] = 0
        pieces = cut(laid, knowledge, allowed, text_draws, self._weights(side))
        sizes = knowledge.rows.words.take(pieces.row, mode="clip")
        known = knowledge.rows.known.take(pieces.row, mode="clip")
        known &= np.repeat(allowed, np.diff(pieces.first, append=len(sizes)))
        replaced = self._replaced(laid, pieces, sizes, known, text_draws, side)
        if kept is not None:
            sizes[np.array(kept, dtype=np.bool_)[pieces.text]] = 0
        numbers = {name: self._numbers[name] for name in languages}
        account = account_of(pieces, sizes, known, allowed, replaced, numbers, knowledge.writings)
        account.kept = sum(kept or ())
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

    def _weights(self, side: Side) -> list[Weight]:
        """Give the number, the name's draw and the weight of each language; -1 for the source."""
        return [
            (self._numbers.get(name, -1), draws.named(name), weight)
            for name, weight in sorted(side.languages.items())
        ]

    def _replaced(
        self,
        laid: Laid,
        pieces: Pieces,
        sizes: NDArray[np.int32],
        known: Draws,
        text_draws: Draws,
        side: Side,
    ) -> _Replaced:
        which = np.flatnonzero(known)
        share = np.full(len(text_draws), side.ratio)
        if self._rules.ratio_of == "all":
            share = _compensated(pieces, sizes, known, share)
        text = pieces.text.take(which, mode="clip")
        position = pieces.position.take(which, mode="clip")
        position -= (laid.first << POSITION_BITS).take(text, mode="clip")
        drawn = draws.at(text_draws.take(text, mode="clip"), position.view(_U))
        limits = draws.limits(share).take(text, mode="clip")
        chosen = np.flatnonzero(draws.below(draws.of(drawn, _REPLACED), limits))
        which, drawn = which.take(chosen, mode="clip"), drawn.take(chosen, mode="clip")
        language = self._languages(known.take(which, mode="clip"), drawn, side)
        if (language < 0).any():
            there = np.flatnonzero(language >= 0)
            which, drawn, language = which[there], drawn[there], language[there]
        row = pieces.row.take(which, mode="clip")
        slots = self._knowledge.writings.slots(row, language)
        if self._rules.choice == "weighted":
            self._choose_translations(row, language, slots, drawn)
        return _Replaced(which, language, slots)

    def _languages(self, known: Draws, drawn: Draws, side: Side) -> Numbers:
        """Draw a language for each span among those that know it; -1 for the source."""
        racing = self._weights(side)
        if self._rules.per == "text":  # there is one that may know it
            racing = [each for each in racing if each[0] >= 0]
        if len(racing) == 1:
            return np.full(len(known), racing[0][0])
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
        writings = self._knowledge.writings
        for place, language in enumerate(languages.tolist()):
            phrase = writings.written[slots[place]][0][3]
            several = self._knowledge.tables[language].several.get(phrase, {})
            weights = [(target, score) for target, score in several.items() if score > 0]
            if weights:
                target = draws.winner(draws.one_of(int(drawn[place]), _TRANSLATION), weights)
                slots[place] = writings.slot(int(rows[place]), language, target)

    def _written(
        self, laid: Laid, pieces: Pieces, replaced: _Replaced, texts: Sequence[str]
    ) -> list[str]:
        writings = self._knowledge.writings
        arena, begin = writings.arena(laid.raw)
        starts, sizes = pieces.begin + begin, pieces.size.copy()
        starts[replaced.which] = writings.starts.take(replaced.slot, mode="clip")
        sizes[replaced.which] = writings.sizes.take(replaced.slot, mode="clip")
        data = gathered(arena, starts, sizes)
        ends = np.cumsum(np.add.reduceat(sizes, pieces.first))
        changed = np.flatnonzero(np.bincount(pieces.text.take(replaced.which, mode="clip")))
        made = list(texts)
        begins = np.concatenate([[0], ends[:-1]])
        for number, start, end in zip(
            changed.tolist(), begins[changed].tolist(), (ends[changed] - 1).tolist(), strict=True
        ):
            made[number] = data[start:end].decode("utf-8", "surrogatepass")
        return made

    def _replacements(
        self, laid: Laid, pieces: Pieces, replaced: _Replaced, count: int
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
            (piece, start, end, _), language, target = self._knowledge.writings.written[slot]
            found[number].append(
                Replacement(length + start, length + end, piece[start:end], target, language)
            )
        return found

    def _count(self, texts: Sequence[str], kept: Sequence[bool] | None) -> int:
        """Count the words of texts that are left alone, but not of those that are kept."""
        counted = [text for number, text in enumerate(texts) if not (kept and kept[number])]
        if not counted:
            return 0
        laid = Laid.of(counted, self._rules.protect)
        numbers = self._knowledge.chunks(laid.shown, laid.begins, laid.ends)
        return int(self._knowledge.rows.words[numbers].sum())


def _compensated(
    pieces: Pieces, sizes: NDArray[np.int32], known: Draws, share: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Raise the share in each text by as much as it has words that cannot be replaced."""
    words = np.add.reduceat(sizes, pieces.first, dtype=np.int64)
    matched = np.add.reduceat(np.where(known > 0, sizes, 0), pieces.first, dtype=np.int64)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(matched > 0, np.minimum(1.0, share * words / matched), 0.0)
