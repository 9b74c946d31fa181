"""Cut texts into pieces that hold one span each: a word or a phrase that is replaced as a whole."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from cstool import draws
from cstool.draws import Draws
from cstool.switching.index import Numbers
from cstool.switching.laid import Laid, ranges
from cstool.switching.phrases import Option
from cstool.switching.pieces import Knowledge
from cstool.switching.regions import CHOSEN, PLAIN, POSITION_BITS, Parts
from cstool.switching.rows import MIXED

# Of a language that may be drawn: its number or, of the source, -1; the draw of its name; its
# weight.
Weight = tuple[int, int, float]


class Pieces(NamedTuple):
    """What texts are cut into, one after another: an array for each column."""

    row: Numbers
    begin: Numbers  # the first byte
    size: Numbers  # how many bytes
    position: Numbers  # of the first word, in all texts: after how many spaces, how many characters
    text: Numbers
    first: Numbers  # of texts: the number of the first piece


def cut(
    laid: Laid,
    knowledge: Knowledge,
    allowed: Draws,
    text_draws: Draws,
    weights: Sequence[Weight],
) -> Pieces:
    """Cut texts at every space, and take regions apart where a language is allowed.

    What is drawn there depends on the draw of the text.
    """
    row = knowledge.chunks(laid.shown, laid.begins, laid.ends)
    position = knowledge.rows.first.take(row, mode="clip").astype(np.int64)
    position |= np.arange(len(row)) << POSITION_BITS
    flags = knowledge.rows.flags.take(row, mode="clip")
    linked = knowledge.linked(row, flags, laid.first)
    inside = (flags & MIXED > 0) | linked[:-1] | linked[1:]
    if laid.hidden is not None:
        inside |= laid.hidden
    firsts = np.flatnonzero(inside & ~linked[:-1])
    sizes = np.flatnonzero(inside & ~linked[1:]) + 1 - firsts
    there = np.flatnonzero(allowed[laid.text[firsts]])
    firsts, sizes = firsts[there], sizes[there]
    begin, counts = laid.begins, np.ones(len(row), dtype=np.int64)
    given = _Given(laid, knowledge, row, allowed, text_draws, weights)
    if made := list(_taken_apart(given, firsts, sizes)):
        for cut_up in made:
            counts[ranges(cut_up.firsts, cut_up.sizes)] = 0
            counts[cut_up.firsts] = cut_up.counts
        chunk = np.repeat(np.arange(len(row)), counts)
        starts = np.cumsum(counts) - counts
        row, begin, position = (each.take(chunk, mode="clip") for each in (row, begin, position))
        for cut_up in made:
            into = ranges(starts[cut_up.firsts], cut_up.counts)
            rows, begins, positions = cut_up.parts
            row[into] = rows
            begin[into] = begins + np.repeat(laid.begins[cut_up.firsts], cut_up.counts)
            position[into] = positions + np.repeat(cut_up.firsts << POSITION_BITS, cut_up.counts)
    of_text = np.add.reduceat(counts, laid.first)
    return Pieces(
        row,
        begin,
        np.diff(begin, append=len(laid.raw)),
        position,
        np.repeat(np.arange(len(of_text)), of_text),
        np.cumsum(of_text) - of_text,
    )


class _Given(NamedTuple):
    laid: Laid
    knowledge: Knowledge
    row: Numbers  # of chunks
    allowed: Draws
    text_draws: Draws
    weights: Sequence[Weight]


class _CutUp(NamedTuple):
    """Regions and what they are cut into: their first chunks, how many chunks and pieces each."""

    firsts: Numbers
    sizes: Numbers
    counts: Numbers
    parts: Numbers  # rows, first bytes and positions of the pieces


def _taken_apart(given: _Given, firsts: Numbers, sizes: Numbers) -> Iterator[_CutUp]:
    """Cut up those regions that do not stay as they are: all that are known at once."""
    laid, knowledge = given.laid, given.knowledge
    allowed = given.allowed[laid.text[firsts]]
    if laid.hidden is None:
        cuts = knowledge.regions.find(given.row, firsts, sizes, allowed)
    else:
        sums = np.concatenate([[0], np.cumsum(laid.hidden)])
        shown = np.flatnonzero(sums[firsts + sizes] == sums[firsts])
        cuts = np.zeros(len(firsts), dtype=np.int64)
        cuts[shown] = knowledge.regions.find(given.row, firsts[shown], sizes[shown], allowed[shown])
    counts = knowledge.regions.size.take(cuts, mode="clip")
    counts[cuts == 0] = CHOSEN
    if len(known := np.flatnonzero(counts > PLAIN)):
        places = ranges(knowledge.regions.start[cuts[known]], counts[known])
        parts = knowledge.regions.parts.take(places, axis=1, mode="clip")
        yield _CutUp(firsts[known], sizes[known], counts[known], parts)
    single = np.flatnonzero(counts == CHOSEN)
    made = [_single(given, *pair) for pair in zip(firsts[single], sizes[single], strict=True)]
    there = [place for place, parts in enumerate(made) if parts is not None]
    if there:
        columns = [np.array(each) for each in made if each is not None]
        single = single[there]
        counts = np.array([len(each[0]) for each in columns])
        yield _CutUp(firsts[single], sizes[single], counts, np.concatenate(columns, axis=1))


def _single(given: _Given, first: np.int64, size: np.int64) -> Parts | None:
    """Take one region apart by itself."""
    laid, last = given.laid, first + size - 1
    text = laid.text[first]
    choose = partial(
        _choose, int(given.text_draws[text]), int(first - laid.first[text]), given.weights
    )
    begin, end = laid.begins[first], laid.ends[last] + 1
    hidden = laid.hidden is not None and laid.hidden[first : last + 1].any()
    raw = laid.raw[begin:end].decode("utf-8", "surrogatepass") if hidden else ""
    run = tuple(given.row[first : last + 1].tolist())
    return given.knowledge.regions.apart(run, int(given.allowed[text]), choose, raw)


def _choose(
    draw: int,
    place: int,
    weights: Sequence[Weight],
    chunk: int,
    offset: int,
    options: Sequence[Option],
) -> Option | None:
    """Let languages whose phrases differ in length race as `Batches._languages` lets others."""
    drawn = draws.one_at(draw, (place + chunk) << POSITION_BITS | offset)
    by_language: dict[int, Option | None] = {option[0]: option for option in options}
    by_language[-1] = None
    racing: Iterator[tuple[float, int]] = (
        (draws.one_race(draws.one_of(drawn, name), weight), number)
        for number, name, weight in weights
        if number in by_language
    )
    return by_language[max(racing)[1]]
