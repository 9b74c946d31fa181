"""Which tokens are masked, and by what: a function of the seed and the text, never of the batch."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cstool import draws, words
from cstool.draws import Draws
from cstool.replacements import Replacement

Numbers = NDArray[np.int64]
Flags = NDArray[np.bool_]
Span = tuple[int, int]

IGNORED = -100  # the label of a token that is not to be guessed, as torch has it
_MASKED, _RANDOM = 0.8, 0.1  # of the chosen tokens; the others stay as they are
_CHOSEN, _KIND, _TOKEN = (
    draws.named(name) for name in ("is it masked?", "by what?", "by which token?")
)


@dataclass(frozen=True)
class Vocabulary:
    """What a token may be replaced by."""

    mask: int
    ordinary: Numbers  # every token that is no special one


def mask(
    ids: Numbers,
    free: Flags,
    group: Numbers,
    texts: Draws,
    shares: NDArray[np.float64],
    vocabulary: Vocabulary,
) -> tuple[Numbers, Numbers]:
    """Mask tokens of texts, all (n, length), and give the new ids and what is to be guessed.

    Of the tokens that are `free`, those of each `group` (the place of the first token of a word,
    or of every token its own) are chosen together, with the chance that `shares` has for the text.
    Of the chosen, 80 % become the mask, 10 % any ordinary token, 10 % stay (Devlin et al. 2019,
    appendix A.1), each token by its own draw. `texts` has the draw of each text.
    """
    whose = texts[:, None]
    places = np.broadcast_to(np.arange(ids.shape[1], dtype=np.uint64), ids.shape)
    drawn = draws.at(draws.of(whose, _CHOSEN), group.astype(np.uint64))
    chosen = free & draws.below(drawn, draws.limits(shares)[:, None])
    labels = np.where(chosen, ids, IGNORED)
    kind = draws.at(draws.of(whose, _KIND), places)
    masked = chosen & draws.below(kind, draws.limits(np.array(_MASKED)))
    random = chosen & ~masked & draws.below(kind, draws.limits(np.array(_MASKED + _RANDOM)))
    which = draws.at(draws.of(whose, _TOKEN), places) % np.uint64(len(vocabulary.ordinary))
    made = np.where(masked, vocabulary.mask, ids)
    return np.where(random, vocabulary.ordinary[which.astype(np.int64)], made), labels


def word_starts(text: str, offsets: Sequence[Span]) -> list[int]:
    """Give for each token the number of the first token of its word; without a word, its own.

    Words are those of `words.units`, so that scripts without spaces are masked letter by letter.
    `offsets` say where in the text each token stands; spaces before a word may belong to its token.
    """
    found = words.units(text)
    starts: list[int] = []
    first: dict[int, int] = {}
    word = 0
    for number, (start, end) in enumerate(offsets):
        while word < len(found) and found[word][1] < end:
            word += 1
        inside = word < len(found) and found[word][0] < end and start < end
        starts.append(first.setdefault(word, number) if inside else number)
    return starts


def at_switches(text: str, made: Iterable[Replacement], language: str) -> list[Span]:
    """Find the words on both sides of each switch point: where they stand in the switched text.

    A switch point is where neighbouring words are in different languages (Das et al., ACL 2023,
    SwitchMLM). `text` is the one that was switched, of which `made` are the replacements, and
    `language` its own.
    """
    pieces: list[tuple[int, int, str]] = []  # words of the new text, with their languages
    moved = done = 0
    units = words.spans(text)
    place = 0
    for start, end, _, target, switched in [*made, Replacement(len(text), len(text), "", "", "")]:
        while place < len(units) and units[place][0] < start:
            begin, stop = units[place]
            if begin >= done:
                pieces.append((begin + moved, stop + moved, language))
            place += 1
        if switched:
            pieces.append((start + moved, start + moved + len(target), switched))
            moved += len(target) - (end - start)
            done = end
    there = {span[:2] for pair in pairwise(pieces) if pair[0][2] != pair[1][2] for span in pair}
    return sorted(there)


def covered(offsets: Sequence[Span], spans: Sequence[Span]) -> list[bool]:
    """Tell which tokens end within one of the spans, which are in order."""
    found, place = [], 0
    for start, end in offsets:
        while place < len(spans) and spans[place][1] < end:
            place += 1
        found.append(place < len(spans) and spans[place][0] < end and start < end)
    return found
