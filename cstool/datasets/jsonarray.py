"""The objects of a JSON array that is too large to be held, one after the other."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

# A whole string, or what opens and closes; a quotation mark alone begins a string that goes on.
_MARK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[\[\]{}]|"', re.DOTALL)
_BETWEEN = b" \t\r\n,"  # objects
_EXPECTED = {0: b"[", 1: b"{]"}  # marks, by how deep we are


def objects(blocks: Iterable[bytes], *, longest: int) -> Iterator[tuple[int, bytes]]:
    """Yield the line on which each object of an array begins, counted from 1, and its bytes.

    Whether an object is JSON is left to who reads it. ValueError where the array is none, ends too
    early, or has an object of more than `longest` bytes.
    """
    array = _Array()
    for block in blocks:
        yield from array.take(block)
        if len(array.buffer) > longest:
            raise ValueError(f"an object of more than {longest >> 20} MiB")
    if not array.ended or array.buffer.strip(_BETWEEN):
        raise _no_array()


@dataclass
class _Array:
    """How far an array has been read; `buffer` holds what was not yielded yet."""

    buffer: bytes = b""
    ended: bool = False
    _looked_at: int = 0  # of the buffer
    _line: int = 1  # on which the buffer begins
    _depth: int = 0

    def take(self, block: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield the objects that end in a block."""
        self.buffer += block
        begun = 0
        while (match := _MARK.search(self.buffer, self._looked_at)) and match[0] != b'"':
            self._looked_at = match.end()
            if self._depth < 2:
                self._check(match, begun)
                begun = self._pass(begun, match.start() if match[0] == b"{" else match.end())
            self._depth += (match[0] in b"[{") - (match[0] in b"]}")
            self.ended = self._depth == 0
            if self._depth == 1 and match[0] == b"}":
                yield self._line, self.buffer[begun : match.end()]
                begun = self._pass(begun, match.end())
        if not match and self._depth > 1:
            self._looked_at = len(self.buffer)  # nothing there that opens or closes
        self.buffer, self._looked_at = self.buffer[begun:], self._looked_at - begun

    def _check(self, match: re.Match[bytes], begun: int) -> None:
        """Raise ValueError if this cannot stand outside of objects."""
        between = self.buffer[begun : match.start()].strip(_BETWEEN)
        if self.ended or between or match[0] not in _EXPECTED[self._depth]:
            raise _no_array()

    def _pass(self, begun: int, end: int) -> int:
        self._line += self.buffer.count(b"\n", begun, end)
        return end


def _no_array() -> ValueError:
    return ValueError("no array of objects, or one that is cut off")
