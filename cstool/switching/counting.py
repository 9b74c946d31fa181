"""Count what was done to texts, for the account of a side."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from cstool.account import Account
from cstool.draws import Draws
from cstool.switching.cutting import Pieces
from cstool.switching.index import Numbers
from cstool.switching.written import Writings

_U = np.uint64


def account_of(
    pieces: Pieces,
    sizes: NDArray[np.int32],
    known: Draws,
    allowed: Draws,
    replaced: tuple[Numbers, Numbers, Numbers],
    languages: Mapping[str, int],
    writings: Writings,
) -> Account:
    """Count the words of pieces (`sizes`), known in languages (bits), and what was replaced.

    `replaced` has the numbers of pieces, their languages and their slots; `languages` the numbers
    of those that are counted, and `allowed` bits for those that each text may be switched to.
    """
    which, language, slot = replaced
    account = Account(texts=len(allowed))
    words = np.add.reduceat(sizes, pieces.first, dtype=np.int64)
    account.words = int(words.sum())
    there = np.flatnonzero(known)
    known, matched = known.take(there, mode="clip"), sizes.take(there, mode="clip")
    account.matched = int(matched.sum())
    exchanged = sizes.take(which, mode="clip")
    by_language = np.bincount(language, exchanged, 64)
    for name, number in languages.items():
        bit = _U(1) << _U(number)
        account.reached[name] = int(words[(allowed & bit) > 0].sum())
        account.known[name] = int(matched[(known & bit) > 0].sum())
        account.replaced[name] = int(by_language[number])
    entries = writings.entry.take(slot, mode="clip")
    account.used.add(writings.entries, entries)
    account.spans = len(slot)
    account.identical = int(np.count_nonzero(writings.identical.take(entries, mode="clip")))
    account.mixing = _mixing(words, pieces.text.take(which, mode="clip"), language, exchanged)
    account.switch_points = _switch_points(pieces, sizes, which, language)
    return account


def _mixing(
    words: Numbers, text: Numbers, language: Numbers, exchanged: NDArray[np.int32]
) -> float:
    """Give the sum of the Code-Mixing Indices: see `Account`."""
    width = int(language.max(initial=0)) + 1
    shares = np.bincount(text * width + language, exchanged, len(words) * width)
    by_text = shares.reshape(-1, width)
    most = np.maximum(by_text.max(1), words - by_text.sum(1))
    there = words > 0
    return float((1 - most[there] / words[there]).sum())


def _switch_points(
    pieces: Pieces, sizes: NDArray[np.int32], which: Numbers, language: Numbers
) -> int:
    """Count neighbouring words of the same text in different languages."""
    spoken = np.full(len(sizes), -1, dtype=np.int8)
    spoken[which] = language
    said = np.flatnonzero(sizes)
    spoken = spoken.take(said, mode="clip")
    changes = spoken[1:] != spoken[:-1]
    # Where the first word of a text comes, the change is none within a text.
    firsts = np.unique(np.searchsorted(said, pieces.first))
    firsts = firsts[(firsts > 0) & (firsts < len(said))]
    return int(np.count_nonzero(changes)) - int(np.count_nonzero(changes[firsts - 1]))
