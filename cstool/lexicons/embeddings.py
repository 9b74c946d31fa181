"""Word vectors: read from fastText and word2vec files by rule, kept in a cache, normalised.

A text file has a word and its numbers on each line, separated by single spaces, after a first line
`words dimension` which may be missing. Such files are big and rarely clean: a line that cannot be
used is left out, counted by reason, and the first ones are named.
"""

import mmap
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cstool import files
from cstool.errors import CstoolError, DataError
from cstool.lexicons.dictionaries import BROKEN
from cstool.settings import MAX_VECTORS

Matrix = NDArray[np.float32]
OnBytes = Callable[[int], None]  # how many have been read

RULES = 1  # to be raised when files are read differently: what older rules left is passed over
_BLOCK = 16 << 20
_MAX_LINE = 1 << 20
_LOOKED_AT = 1000  # lines that tell the dimension where no first line does
_SHOWN = 3
_GZIP = b"\x1f\x8b"
_HEADER = re.compile(rb"(\d{1,18}) (\d{1,9})")
_DIMENSION, _NUMBER = "of another dimension", "with something that is no number"
_EXPECTED = "expected word vectors: a word and its numbers on each line"


@dataclass(frozen=True)
class Vectors:
    """Words, the most frequent first, and their vectors: float32 of shape (words, dimension)."""

    words: Sequence[str]
    matrix: Matrix


@dataclass
class Skipped:
    """What was left out, by reason: how many lines, and the numbers of the first.

    Of a fastText model the words are counted as if they were lines.
    """

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, list[int]] = field(default_factory=dict)

    def add(self, reason: str, line: int) -> None:
        """Count a line."""
        self.counts[reason] += 1
        lines = self.first.setdefault(reason, [])
        if len(lines) < _SHOWN:
            lines.append(line)

    def __str__(self) -> str:
        """Give `2 repeated (lines 7, 9), 1 zero (line 3)`, or `nothing`."""
        told = []
        for reason, count in sorted(self.counts.items()):
            lines = self.first[reason]
            shown = ", ".join(map(str, lines)) + ", ..." * (count > len(lines))
            told.append(f"{count} {reason} (line{'s' * (count > 1)} {shown})")
        return ", ".join(told) or "nothing"


def read(
    path: Path,
    *,
    max_words: int = MAX_VECTORS,
    cache: "Cache | None" = None,
    on_bytes: OnBytes = lambda count: None,
) -> tuple[Vectors, Skipped, files.Reading]:
    """Read the first `max_words` usable vectors of a text file, packed or not, or fastText model.

    With a cache, a file that was read before is not read again. The reading holds the file's
    digest. CstoolError if there is nothing to use, the file is cut off, or a fastText model is
    given without the package to read it.
    """
    files.check_input(path)
    reading = files.Reading(path)
    key = None
    if path.is_file():
        digest = files.digest(path)
        key = sha256(f"{digest} {RULES} {max_words}".encode()).hexdigest()[:32]
        kept = cache.get(key) if cache else None
        if kept is not None:
            reading.sha256 = digest
            return *kept, reading
    with files.opened(path, reading) as stream:
        head = cast(BufferedReader, stream).peek(4)
        if head.startswith(_GZIP):
            raise CstoolError(f"{path}: is packed by gzip, expected a name that ends in .gz")
        if head.startswith(_MODEL):
            vectors, skipped = _read_model(path, max_words)
        else:
            vectors, skipped = parse(reading, stream, max_words=max_words, on_bytes=on_bytes)
    if key is not None:
        reading.sha256 = digest
        if cache:
            cache.put(key, vectors, skipped)
    return vectors, skipped, reading


def parse(
    reading: files.Reading,
    stream: BinaryIO,
    *,
    max_words: int = MAX_VECTORS,
    on_bytes: OnBytes = lambda count: None,
) -> tuple[Vectors, Skipped]:
    """Read the first `max_words` usable vectors of a text file; `reading` names it in errors.

    The dimension is that of the first line, or else that of most of the lines that follow. The
    last numbers of a line, as many as the dimension, are the vector, and what stands before is the
    word, which may hold spaces if no part after one is a number itself. Left out are lines of
    another dimension or with something that is no number, vectors that are zero or not finite, and
    words that came before, are not UTF-8, begin or end with a space, or hold a tab or a line break.
    CstoolError if the file ends before its first line promised or in the middle of a line, if a
    line is longer than 1 MiB, or if nothing can be used.
    """
    parser = _Parser(reading, max_words)
    for first, lines, ended in parser.blocks(stream):
        parser.add(first, lines, ended=ended)
        on_bytes(reading.position)
        if len(parser.words) == max_words:
            break
    else:
        parser.check_end()
    return Vectors(list(parser.words), np.concatenate(parser.matrices)), parser.skipped


class _Parser:
    def __init__(self, reading: files.Reading, max_words: int) -> None:
        self.reading, self.max_words = reading, max_words
        self.skipped = Skipped()
        self.words: dict[str, None] = {}
        self.matrices: list[Matrix] = []
        self.dimension = self.promised = 0

    def blocks(self, stream: BinaryIO) -> Iterator[tuple[int, list[bytes], bool]]:
        """Yield the number of a block's first line, its lines, and whether the last one is ended.

        The first line of a file is not among them if it tells the dimension.
        """
        number, rest = 1, b""
        while data := stream.read(_BLOCK):
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            if len(rest) > _MAX_LINE:
                problem = f"is longer than {_MAX_LINE >> 20} MiB, {_EXPECTED}"
                raise DataError(self.reading.path, number + len(lines), problem)
            if lines:
                yield *self._begun(number, lines), True
                number += len(lines)
        if rest:
            yield *self._begun(number, [rest]), False

    def _begun(self, number: int, lines: list[bytes]) -> tuple[int, list[bytes]]:
        self.reading.lines = number + len(lines) - 1
        if number > 1:
            return number, lines
        if header := _HEADER.fullmatch(lines[0].rstrip(b" \r")):
            self.promised, self.dimension = int(header[1]), int(header[2])
            return 2, lines[1:]
        spaces = Counter(line.rstrip(b" \r").count(b" ") for line in lines[:_LOOKED_AT])
        self.dimension = max(spaces, key=lambda count: (spaces[count], count))
        return 1, lines

    def add(self, first: int, lines: Sequence[bytes], *, ended: bool) -> None:
        """Take the words and vectors of some lines, until there are enough."""
        faults: dict[int, str] = {}
        rows: dict[int, tuple[str, bytes]] = {}
        for number, line in enumerate(lines, start=first):
            try:
                rows[number] = self._split(line)
            except ValueError as problem:
                faults[number] = str(problem)
        values = self._values(rows, faults)
        kept = []
        place = -1
        for number in range(first, first + len(lines)):
            fault = faults.get(number)
            if fault is None:
                place += 1
                word = rows[number][0]
                if word not in self.words:
                    self.words[word] = None
                    kept.append(place)
                    if len(self.words) == self.max_words:
                        break
                    continue
                fault = "repeated"
            elif not ended and number == first + len(lines) - 1 and fault in (_DIMENSION, _NUMBER):
                raise CstoolError(f"{self.reading.path}: ends in the middle of line {number}")
            self.skipped.add(fault, number)
        self.matrices.append(values[kept])

    def check_end(self) -> None:
        """Complain about a file that has ended too soon, or with nothing in it to use."""
        path, lines = self.reading.path, self.reading.lines
        if not lines:
            raise CstoolError(f"{path}: is empty, {_EXPECTED}")
        if not self.words:
            raise CstoolError(f"{path}: {_EXPECTED}; left out: {self.skipped}")
        if lines - 1 < self.promised:
            raise CstoolError(
                f"{path}: ends after {lines - 1} words, its first line says {self.promised}"
            )

    def _split(self, line: bytes) -> tuple[str, bytes]:
        """Give the word of a line and its numbers; ValueError with the reason to leave it out."""
        line = line.rstrip(b" \r")
        spaces = line.count(b" ")
        if spaces < self.dimension or not self.dimension:
            raise ValueError(_DIMENSION)
        name, _, numbers = line.partition(b" ")
        if spaces > self.dimension:
            name, *fields = line.rsplit(b" ", self.dimension)
            if any(map(_is_number, name.split(b" ")[1:])):
                raise ValueError(_DIMENSION)
            numbers = b" ".join(fields)
        try:
            word = name.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("not in UTF-8") from None
        if fault := _unfit(word):
            raise ValueError(fault)
        return word, numbers

    def _values(self, rows: Mapping[int, tuple[str, bytes]], faults: dict[int, str]) -> Matrix:
        """Give the vectors of the rows that are not faulty, in their order."""
        try:
            values = self._floats([numbers for _, numbers in rows.values()])
        except ValueError:
            for number, (_, numbers) in rows.items():
                try:
                    self._floats([numbers])
                except ValueError:
                    faults[number] = _NUMBER
            values = self._floats([row[1] for number, row in rows.items() if number not in faults])
        lengths = _lengths(values)
        usable = np.isfinite(lengths) & (lengths > 0)
        lines = [number for number in rows if number not in faults]
        for place in np.flatnonzero(~usable):
            faults[lines[place]] = _unusable(lengths[place])
        return values[usable]

    def _floats(self, numbers: Sequence[bytes]) -> Matrix:
        """Read numbers, several to a text: (texts, dimension); ValueError if one is no number."""
        if not numbers:
            return np.empty((0, self.dimension), dtype=np.float32)
        fields = pc.split_pattern(pa.array([b" ".join(numbers)], pa.binary()), " ").values
        values = fields.cast(pa.string()).cast(pa.float32()).to_numpy(zero_copy_only=False)
        matrix: Matrix = values.reshape(-1, self.dimension)
        return matrix


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def _unfit(word: str) -> str | None:
    # A byte order mark belongs to the file, but the word is no longer known without it.
    if not word or word != word.strip() or word[0] == "\ufeff" or BROKEN.search(word):
        return "without a word that a lexicon can hold"
    return None


def _unusable(length: float) -> str:
    return "zero" if length == 0 else "not finite"


def _lengths(matrix: Matrix) -> NDArray[np.float64]:
    squares: NDArray[np.float64] = np.einsum("ij,ij->i", matrix, matrix, dtype=np.float64)
    return np.sqrt(squares)


# fastText's own format: this number, its version, then settings, dictionary and two matrices. See
# FastText::saveModel, Args::save, Dictionary::save and DenseMatrix::save in its source.
_MODEL = struct.pack("<i", 793712314)
_SETTINGS = struct.Struct("<2i12id")
_DICTIONARY = struct.Struct("<3i2q")
_WORD = struct.Struct("<qb")
_PRUNED = struct.Struct("<2i")
_MATRIX = struct.Struct("<?2q")
_FLOAT = 4


def _read_model(path: Path, max_words: int) -> tuple[Vectors, Skipped]:
    _check_model(path)
    try:
        import fasttext
    except ImportError as error:
        raise CstoolError(
            f"{path}: is a fastText model; to read it, pip install 'cstool[fasttext]' (which needs "
            "a C++ compiler), or give its .vec file"
        ) from error
    try:
        model = fasttext.load_model(str(path))
    except (ValueError, RuntimeError) as error:
        raise CstoolError(f"{path}: {error}") from error
    words: dict[str, None] = {}
    skipped = Skipped()
    rows: list[Matrix] = []
    for number, word in enumerate(model.get_words(on_unicode_error="replace"), start=1):
        if len(words) == max_words:
            break
        fault = "not in UTF-8" if "\ufffd" in word else _unfit(word)
        if fault is None:
            vector = model.get_word_vector(word)
            length = _lengths(vector[None])[0]
            fault = None if np.isfinite(length) and length else _unusable(length)
        if fault is None and word in words:
            fault = "repeated"
        if fault is None:
            words[word] = None
            rows.append(vector)
        else:
            skipped.add(fault, number)
    if not words:
        raise CstoolError(f"{path}: a fastText model without words; left out: {skipped}")
    return Vectors(list(words), np.stack(rows)), skipped


def _check_model(path: Path) -> None:
    """Complain about a model that is cut off: the package would hang, or give other vectors."""
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as data:
        try:
            complete = _end_of_model(data) <= len(data)
        except struct.error:
            complete = False
        except ValueError as problem:
            raise CstoolError(f"{path}: {problem}") from problem
    if not complete:
        raise CstoolError(f"{path}: is a fastText model that is cut off or damaged")


def _end_of_model(data: mmap.mmap) -> int:
    """Count the bytes that a model must have; struct.error if it ends before."""
    words, _, _, _, pruned = _DICTIONARY.unpack_from(data, _SETTINGS.size)
    place: int = _SETTINGS.size + _DICTIONARY.size
    for _ in range(words):
        end = data.find(b"\0", place)
        if end < 0:
            raise struct.error("a word without an end")
        place = end + 1 + _WORD.size
    place += max(pruned, 0) * _PRUNED.size
    for _ in range(2):
        quantised, rows, columns = _MATRIX.unpack_from(data, place)
        if quantised:
            raise ValueError("is a quantised fastText model, expected one of word vectors")
        place += _MATRIX.size + rows * columns * _FLOAT
    return place


class Cache:
    """Vectors that have been read, in a folder: npy files, and a card with their digests.

    What is missing or damaged counts as not kept. What cannot be kept is told to `warn`, and no
    other harm. The folder can be removed at any time.
    """

    def __init__(self, folder: Path, warn: Callable[[str], None] = lambda message: None) -> None:
        self.folder, self.warn = folder, warn

    def get(self, key: str) -> tuple[Vectors, Skipped] | None:
        """Give what was kept under a key, or None."""
        try:
            card = orjson.loads((self.folder / f"{key}.json").read_bytes())
            names = self._load(f"{key}.words.npy", card["words"])
            matrix = self._load(f"{key}.vectors.npy", card["vectors"])
            words = names.tobytes().decode("utf-8").split("\n")
            return Vectors(words, matrix), Skipped(Counter(card["counts"]), card["first"])
        except (OSError, ValueError, KeyError, TypeError, CstoolError):
            return None

    def put(self, key: str, vectors: Vectors, skipped: Skipped) -> None:
        """Keep vectors under a key, for the next time."""
        try:
            self._put(key, vectors, skipped)
        except CstoolError as error:
            self.warn(f"{error}: the vectors are not kept")

    def _put(self, key: str, vectors: Vectors, skipped: Skipped) -> None:
        words = np.frombuffer("\n".join(vectors.words).encode("utf-8"), dtype=np.uint8)
        card = {
            "words": self._save(f"{key}.words.npy", words),
            "vectors": self._save(f"{key}.vectors.npy", vectors.matrix),
            "counts": dict(skipped.counts),
            "first": skipped.first,
        }
        with files.atomic(self.folder / f"{key}.json") as out:  # last: it vouches for the others
            out.write(orjson.dumps(card))

    def _load(self, name: str, digest: str) -> NDArray[Any]:
        reading = files.Reading(self.folder / name)
        with files.opened(reading.path, reading) as stream:
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        if reading.sha256 != digest:
            raise ValueError(f"{reading.path} is not what was written")
        return array

    def _save(self, name: str, array: NDArray[Any]) -> str:
        path = self.folder / name
        with files.atomic(path) as out:
            np.lib.format.write_array(out, array, allow_pickle=False)
        return files.digest(path)


def normalized(matrix: Matrix, steps: Sequence[str]) -> Matrix:
    """Give a copy of vectors (words, dimension) after these steps, in their order.

    `unit` makes every vector one long (a vector of zeros stays), `center` takes away the mean of
    all. Unit, center, unit is the choice of Artetxe et al. (2018, AAAI, section 4.1): words of both
    languages then lie all around, not in two cones.
    """
    result = matrix.copy()
    for step in steps:
        if step == "unit":
            lengths = _lengths(result)
            result /= np.where(lengths > 0, lengths, 1)[:, None]
        else:
            result -= result.mean(0, dtype=np.float64)
    return result
