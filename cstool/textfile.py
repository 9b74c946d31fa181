"""Passages that stay on the disk: a file of texts, and an index of where each id stands in it.

A collection need not fit into memory. Its index, 16 bytes a text, lies beside the file, is made in
one reading, and is valid while the file's size and time stay what they were. What is looked up is
read again and parsed, so a wrong index can make a text missing, but never another one.
"""

import mmap
import os
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import xxhash

from cstool import files, formats
from cstool.errors import CstoolError, DataError
from cstool.records import Text

INDEXED = 64 << 20  # bytes: a smaller file is read anew, which takes a second
_HEADER = 4096  # bytes
_FORMAT = 1
# Reads a file to its end with this parser, and gives the account of the reading.
Read = Callable[[Callable[[str], None]], files.Reading]


class Held(dict[str, str]):
    """Texts in memory, by id."""

    def texts(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Give those of the texts that there are."""
        return self

    def missing(self, ids: Iterable[str]) -> set[str]:
        """Give those of the ids that have no text."""
        return set(ids) - self.keys()


@dataclass
class TextFile:
    """Texts on the disk: `hashes` (of ids, ascending) and `offsets` have a row for each text."""

    path: Path
    hashes: Any
    offsets: Any
    _data: mmap.mmap = field(init=False, repr=False)

    def __post_init__(self) -> None:
        with self.path.open("rb") as raw:
            self._data = mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ)

    def texts(self, ids: Iterable[str]) -> Mapping[str, str]:
        """Give those of the texts that there are, read in the order in which they lie."""
        import numpy as np

        wanted = list(dict.fromkeys(ids))
        hashes = np.fromiter(map(_hash, wanted), np.uint64, len(wanted))
        first = np.searchsorted(self.hashes, hashes, "left")
        last = np.searchsorted(self.hashes, hashes, "right")
        found = {}
        counts = last - first
        starts = np.repeat(first - np.concatenate([[0], np.cumsum(counts)[:-1]]), counts)
        rows = starts + np.arange(counts.sum())
        known = set(wanted)
        for offset in np.sort(np.asarray(self.offsets[rows])).tolist():
            text = self.at(offset)
            if text.id in known:
                found[text.id] = text.text
        return found

    def at(self, offset: int) -> Text:
        """Read the text whose line starts there."""
        end = self._data.find(b"\n", offset)
        line = self._data[offset : end if end >= 0 else len(self._data)]
        return formats.parse_text(line.decode("utf-8"))

    def missing(self, ids: Iterable[str]) -> set[str]:
        """Give those of the ids that have no text, as far as their hashes tell."""
        import numpy as np

        wanted = list(ids)
        hashes = np.fromiter(map(_hash, wanted), np.uint64, len(wanted))
        places = np.minimum(np.searchsorted(self.hashes, hashes), len(self.hashes) - 1)
        known = self.hashes[places] == hashes
        return {name for name, there in zip(wanted, known.tolist(), strict=True) if not there}


def can_index(path: Path) -> bool:
    """Tell whether a file is a large one that can be read at any place."""
    return path.is_file() and path.suffix != ".gz" and path.stat().st_size >= INDEXED


def open_indexed(path: Path, read: Read, name: str) -> tuple[TextFile, files.Reading]:
    """Open a file of texts by its index, made now if there is none that is valid.

    DataError for a wrong line, and for an id that comes twice; `name` says of what.
    """
    place = path.with_name(f"{path.name}.cstool-index")
    found = _load(place, path)
    if found:
        return found
    stamp = _stamp(path)
    hashes, offsets = array("Q"), array("Q", [0])

    def parse(line: str) -> None:
        hashes.append(_hash(formats.parse_text(line).id))
        offsets.append(offsets[-1] + len(line.encode("utf-8")) + 1)

    reading = read(parse)
    text_file = _sorted(path, hashes, offsets, name)
    if os.access(place.parent, os.W_OK):
        head = {**stamp, "sha256": reading.sha256, "lines": reading.lines, "texts": len(hashes)}
        with files.atomic(place) as out:
            out.write(orjson.dumps(head).ljust(_HEADER))
            out.write(text_file.hashes.tobytes())
            out.write(text_file.offsets.tobytes())
        return _load(place, path) or (text_file, reading)
    return text_file, reading


def _sorted(path: Path, hashes: "array[int]", offsets: "array[int]", name: str) -> TextFile:
    import numpy as np

    keys = np.frombuffer(hashes, np.uint64)
    order = np.argsort(keys, kind="stable")
    found = TextFile(path, keys[order], np.frombuffer(offsets, np.uint64)[:-1][order])
    for i in np.flatnonzero(found.hashes[1:] == found.hashes[:-1]).tolist():
        ids = [found.at(int(found.offsets[place])).id for place in (i, i + 1)]
        if ids[0] == ids[1]:
            raise DataError(path, int(order[i + 1]) + 1, f"{name} {ids[0]} comes a second time")
    return found


def _load(place: Path, path: Path) -> tuple[TextFile, files.Reading] | None:
    import numpy as np

    if not place.is_file():
        return None
    with place.open("rb") as raw:
        try:
            head = orjson.loads(raw.read(_HEADER))
        except orjson.JSONDecodeError:
            return None
    count = head.get("texts", 0)
    if {**head, **_stamp(path)} != head or place.stat().st_size != _HEADER + 16 * count:
        return None
    rows = np.memmap(place, np.uint64, "r", _HEADER, (2, count))
    size = path.stat().st_size
    reading = files.Reading(path, size, size, head["lines"], head["sha256"])
    return TextFile(path, rows[0], rows[1]), reading


def _stamp(path: Path) -> dict[str, int]:
    state = path.stat()
    return {"format": _FORMAT, "size": state.st_size, "time": state.st_mtime_ns}


def _hash(name: str) -> int:
    return xxhash.xxh3_64_intdigest(name.encode("utf-8"))


def check_known(missing: set[str], kind: str, path: Path) -> None:
    """Refuse ids without a text: a CstoolError names the first ones and counts the rest."""
    if missing:
        first = sorted(missing)[:3]
        more = f" and {len(missing) - 3} more" if len(missing) > 3 else ""
        verb = "is in the run but has" if len(missing) == 1 else "are in the run but have"
        plural = {"query": "queries", "passage": "passages"}[kind]
        names = kind if len(missing) == 1 else plural
        raise CstoolError(f"{names} {', '.join(first)}{more} {verb} no text in {path}")
