"""Texts laid one after another in one array of bytes, a space behind each, cut at every space."""

import re
from collections.abc import Sequence
from itertools import chain, repeat
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cstool.switching.index import Numbers
from cstool.switching.written import Bytes

Flags = NDArray[np.bool_]

_SPACE = ord(" ")
# What is protected is hidden: by the number of its bytes, a character that is no part of a word,
# nor is any word that touches it. So places do not change.
_HIDDEN = {1: "_", 2: "\u0660", 3: "\u0966", 4: "\U0001d7ce"}


class Laid(NamedTuple):
    """Texts laid one after another, and the chunks that they are cut into at spaces."""

    raw: bytes
    shown: bytes  # the same, but what is protected is hidden
    hidden: Flags | None  # the chunks of which something is
    begins: Numbers
    ends: Numbers  # of chunks: where their space stands
    text: Numbers  # of chunks: the number of the text
    first: Numbers  # of texts: the number of the first chunk

    @classmethod
    def of(cls, texts: Sequence[str], protect: re.Pattern[str] | None = None) -> "Laid":
        """Lay texts, of which there is at least one, and hide what matches `protect`."""
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        raw = b" ".join([*encoded, b""])
        ends = np.flatnonzero(np.frombuffer(raw, dtype=np.uint8) == _SPACE)
        begins = np.empty_like(ends)
        begins[0], begins[1:] = 0, ends[:-1] + 1
        text_ends = np.cumsum(np.fromiter(map(len, encoded), np.int64, len(encoded)) + 1) - 1
        lasts = np.searchsorted(ends, text_ends)
        first = np.concatenate([[0], lasts[:-1] + 1])
        text = np.repeat(np.arange(len(texts)), lasts + 1 - first)
        laid = cls(raw, raw, None, begins, ends, text, first)
        return laid._protected(texts, protect) if protect else laid

    def _protected(self, texts: Sequence[str], protect: re.Pattern[str]) -> "Laid":
        hidden = (protect.sub(_hidden, text) for text in texts)
        shown = "".join(chain.from_iterable(zip(hidden, repeat(" "), strict=False)))
        data = shown.encode("utf-8", "surrogatepass")
        raw, other = (np.frombuffer(each, dtype=np.uint8) for each in (self.raw, data))
        sums = np.concatenate([[0], np.cumsum(raw != other)])
        return self._replace(shown=data, hidden=sums[self.ends] > sums[self.begins])


def gathered(arena: Bytes, starts: Numbers, sizes: Numbers) -> bytes:
    """Put stretches of an array, none of them empty, one after another."""
    return arena.take(ranges(starts, sizes), mode="clip").tobytes()


def ranges(starts: Numbers, sizes: Numbers) -> Numbers:
    """Give start, start + 1, ... for each start, as many as its size, above 0, in one array."""
    ends = np.cumsum(sizes)
    if not len(ends):
        return ends
    found = np.ones(ends[-1], dtype=np.int64)
    found[0] = starts[0]
    found[ends[:-1]] = starts[1:] - starts[:-1] - sizes[:-1] + 1
    return np.cumsum(found, out=found)


def _hidden(match: re.Match[str]) -> str:
    return "".join(" " if letter == " " else _HIDDEN[_size(letter)] for letter in match[0])


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))
