"""The only module that opens files: lines are numbered, outputs are all or nothing."""

import codecs
import gzip
import hashlib
import io
import itertools
import os
import shutil
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TextIO, TypeVar, cast

from cstool.errors import CstoolError, DataError

Record = TypeVar("Record")
STDIO = Path("-")
CARD = "cstool.json"
MAX_LINE = 64 << 20  # bytes: files may be of any length, what is held of them may not


@dataclass
class Reading:
    """How far a file has been read: `sha256` is of the bytes as they lie on disk."""

    path: Path
    size: int | None = None
    position: int = 0
    lines: int = 0
    sha256: str | None = None


Reject = Callable[[DataError, bytes], None]


def read(
    path: Path,
    parse: Callable[[str], Record],
    *,
    reject: Reject | None = None,
    reading: Reading | None = None,
) -> Iterator[Record]:
    """Yield one record per line, naming the line when one is wrong.

    A wrong line raises DataError, or is handed to `reject` and left out. `reading` is kept up to
    date on the way and gets its digest when the last line has been read.
    """
    reading = reading or Reading(path)
    with opened(path, reading) as stream:
        yield from records(stream, parse, reading, reject=reject)


def records(
    stream: BinaryIO,
    parse: Callable[[str], Record],
    reading: Reading,
    *,
    reject: Reject | None = None,
) -> Iterator[Record]:
    """Yield one record per line of a stream that `opened` gave, as `read` does for a file."""
    return _parsed(reading.path, _lines(stream, reading), parse, reject)


@dataclass(frozen=True, slots=True)
class Block:
    """Lines of a file that another process may parse: number `first`, and every `step`-th on."""

    path: Path
    first: int
    step: int
    data: bytes

    @property
    def lines(self) -> list[bytes]:
        """Give the lines, each with its end."""
        return io.BytesIO(self.data).readlines()

    def parse(
        self, parse: Callable[[str], Record], reject: Reject | None = None
    ) -> Iterator[Record]:
        """Yield one record per line, as `read` does."""
        numbered = zip(itertools.count(self.first, self.step), self.lines)
        return _parsed(self.path, numbered, parse, reject)


def blocks(
    path: Path, *, shard: tuple[int, int] = (0, 1), reading: Reading | None = None
) -> Iterator[Block]:
    """Yield the lines of a file in blocks of about half a megabyte.

    Of shard (i, n) come only the lines whose number, counted from 0, leaves i when divided by n.
    How a file falls into blocks depends on the file alone.
    """
    reading = reading or Reading(path)
    index, step = shard
    with opened(path, reading) as stream:
        if step == 1:
            for first, data in _stretches(stream, reading):
                yield Block(path, first, 1, data)
            return
        ours: list[bytes] = []
        begin, size = index + 1, 0
        for first, data in _stretches(stream, reading):
            skipped = (index + 1 - first) % step
            numbered = zip(itertools.count(first), io.BytesIO(data), strict=False)
            for number, line in itertools.islice(numbered, skipped, None, step):
                ours.append(line)
                size += len(line)
                if size >= _BLOCK:
                    yield Block(path, begin, step, b"".join(ours))
                    ours, begin, size = [], number + step, 0
        if ours:
            yield Block(path, begin, step, b"".join(ours))


def write(path: Path, records: Iterable[Record], format: Callable[[Record], str]) -> int:
    """Write one record per line and return how many."""
    with atomic(path) as out:
        return _write_lines(out, path, records, format)


def write_together(
    outputs: Iterable[tuple[Path, Iterable[Record]]], format: Callable[[Record], str]
) -> None:
    """Write several files like `write`: they get their names when all of them are written."""
    with ExitStack() as stack:
        for path, records in outputs:
            out = stack.enter_context(atomic(path))
            with _explained(path):
                _write_lines(out, path, records, format)
                out.flush()  # a full disk must show before any file has its name


@contextmanager
def atomic(path: Path) -> Iterator[BinaryIO]:
    """Open a file that gets its name only when the block ends well."""
    with _explained(path):
        if path == STDIO:
            stdout = _standard(sys.stdout, "output")
            yield stdout
            stdout.flush()
        elif path.exists() and not path.is_file():  # a device or a pipe cannot be replaced
            with path.open("wb") as raw:
                yield raw
        else:
            with _replaced(path.resolve()) as part, part.open("wb") as raw:
                if path.suffix == ".gz":
                    # No name, no time: the same records always make the same bytes.
                    with gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
                        yield cast(BinaryIO, packed)
                else:
                    yield raw
                raw.flush()
                os.fsync(raw.fileno())


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Make a folder that gets its name, or replaces an older one, when the block ends well."""
    check_folder(path)
    with _explained(path), _replaced(path.resolve()) as part:
        part.mkdir()
        yield part


@contextmanager
def opened(path: Path, reading: Reading) -> Iterator[BinaryIO]:
    """Open a file for reading, unpacked if it is .gz; CstoolError if that fails on the way."""
    with _explained(path):
        if path == STDIO:
            hashed = _Hashed(_standard(sys.stdin, "input"), reading)
            yield cast(BinaryIO, io.BufferedReader(hashed, _BUFFER))
            hashed.finish()
            return
        with path.open("rb") as raw:
            reading.size = os.fstat(raw.fileno()).st_size
            hashed = _Hashed(raw, reading)
            buffer = cast(BinaryIO, io.BufferedReader(hashed, _BUFFER))
            yield cast(BinaryIO, gzip.GzipFile(fileobj=buffer)) if path.suffix == ".gz" else buffer
            hashed.finish()


def head(stream: BinaryIO, reading: Reading) -> bytes:
    """Give the first bytes of a stream that `opened` gave, at least one if there is any.

    They are read again. Of several streams that are open at once an error names the right one.
    """
    with _explained(reading.path):
        return cast(io.BufferedReader, stream).peek(1)


def chunks(stream: BinaryIO, reading: Reading, size: int) -> Iterator[bytes]:
    """Yield all bytes of a stream that `opened` gave, `size` at a time; errors as in `head`."""
    with _explained(reading.path):
        yield from iter(lambda: stream.read(size), b"")


@contextmanager
def scratch() -> Iterator[BinaryIO]:
    """Open a file without a name, on the disk that TMPDIR names, for what memory is too dear."""
    with _explained(Path(tempfile.gettempdir())), tempfile.TemporaryFile() as stream:
        yield cast(BinaryIO, stream)


def digest(path: Path) -> str:
    """Give the SHA-256 of a file as it lies on disk."""
    with _explained(path), path.open("rb") as raw:
        return hashlib.file_digest(raw, "sha256").hexdigest()


def check_input(path: Path) -> None:
    """Complain at once about an input that cannot be read, before any slow work."""
    if path == STDIO:
        _standard(sys.stdin, "input")
        return
    with _explained(path):
        if path.is_dir():
            raise CstoolError(f"{path}: is a folder, expected a file")
        if not os.access(path, os.R_OK):
            raise CstoolError(f"{path}: {'permission denied' if path.exists() else 'no such file'}")


def check_output(path: Path) -> None:
    """Complain at once about an output that cannot be written, before any slow work."""
    if path == STDIO:
        _standard(sys.stdout, "output")
        return
    with _explained(path):
        if path.is_dir():
            raise CstoolError(f"{path}: is a folder, expected a file")
        if path.exists() and not path.is_file():
            return
        folder = path.parent
        while not folder.exists():
            folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise CstoolError(f"{path}: cannot be written, {folder} is not a writable folder")


def check_folder(path: Path) -> None:
    """Complain at once about an output folder that cannot be made, or that is not ours to replace.

    What we write as a folder holds a file CARD; another folder is replaced only if it is empty.
    """
    check_output(path / CARD)
    with _explained(path):
        if path.is_dir() and not (path / CARD).exists() and any(path.iterdir()):
            raise CstoolError(
                f"{path}: is in use, and holds no {CARD} that says it may be replaced"
            )


_BUFFER = 1 << 18
_GZIP = b"\x1f\x8b"
_BLOCK = 1 << 19  # bytes of lines


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, EOFError, zlib.error) as error:
        raise CstoolError(f"{path}: {getattr(error, 'strerror', None) or error}") from error


def _standard(stream: TextIO | None, name: str) -> BinaryIO:
    if stream is None:  # the shell's <&- and >&-
        raise CstoolError(f"-: standard {name} is closed")
    return stream.buffer


class _Hashed(io.RawIOBase):
    """A stream that digests what passes through it."""

    def __init__(self, source: BinaryIO, reading: Reading) -> None:
        self._source, self._reading, self._hash = source, reading, hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]  # narrower on purpose
        # read1: what a slow pipe has ready is passed on at once.
        data = cast(io.BufferedReader, self._source).read1(len(target))
        target[: len(data)] = data
        self._hash.update(data)
        self._reading.position += len(data)
        return len(data)

    def finish(self) -> None:
        if not self._source.closed and not self._source.read(1):
            self._reading.sha256 = self._hash.hexdigest()


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    new = [folder for folder in path.parents if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    _remove(part)  # left by a killed process that had our number, as in a container
    try:
        yield part
        if part.is_dir() and path.is_dir():
            _exchange(part, path)
        else:
            part.replace(path)
    finally:
        _remove(part)
        with suppress(OSError):  # a folder with something in it stays
            for folder in new:
                folder.rmdir()


def _exchange(part: Path, path: Path) -> None:
    old = part.with_suffix(".old")
    try:
        path.rename(old)
        part.rename(path)
    except BaseException:  # a signal between the two as well
        if not path.exists():
            old.rename(path)
        raise
    shutil.rmtree(old)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)


def _lines(stream: BinaryIO, reading: Reading) -> Iterator[tuple[int, bytes]]:
    # Bytes, so that only "\n" ends a line and a bad byte is found on its own line.
    with _explained(reading.path):
        for number, line in enumerate(iter(lambda: stream.readline(MAX_LINE + 1), b""), start=1):
            if len(line) > MAX_LINE:
                problem = f"is longer than {MAX_LINE >> 20} MiB, expected a file of lines"
                raise DataError(reading.path, number, problem)
            reading.lines = number
            yield number, line


def _stretches(stream: BinaryIO, reading: Reading) -> Iterator[tuple[int, bytes]]:
    """Yield lines, of about a block together, with the number of the first.

    What was read before an error comes before it.
    """
    source = cast(io.BufferedReader, stream)
    failed: Exception | None = None
    with _explained(reading.path):
        while failed is None:
            parts: list[bytes] = []
            wanted = _BLOCK
            try:
                while wanted and (part := source.read1(wanted)):
                    parts.append(part)
                    wanted -= len(part)
                if parts and not parts[-1].endswith(b"\n"):
                    parts.append(source.readline(MAX_LINE + 1))
            except (OSError, EOFError, zlib.error) as problem:
                failed = problem
            data = b"".join(parts)
            first = reading.lines + 1
            last = data.rfind(b"\n", 0, max(len(data) - 1, 0)) + 1
            if len(data) - last > MAX_LINE:
                number = first + data.count(b"\n", 0, last)
                text = f"is longer than {MAX_LINE >> 20} MiB, expected a file of lines"
                failed = DataError(reading.path, number, text)
                data = data[:last]
            elif failed:
                data = data[: data.rfind(b"\n") + 1]
            if not data:
                break
            reading.lines += data.count(b"\n") + (not data.endswith(b"\n"))
            yield first, data
        if failed:
            raise failed


def _parsed(
    path: Path,
    lines: Iterable[tuple[int, bytes]],
    parse: Callable[[str], Record],
    reject: Reject | None,
) -> Iterator[Record]:
    for number, line in lines:
        try:
            if number == 1 and line.startswith(codecs.BOM_UTF8):
                raise ValueError("starts with a byte order mark, expected UTF-8 without one")
            record = parse(line.decode("utf-8").removesuffix("\n"))
        except ValueError as problem:
            error = DataError(path, number, _sentence(problem))
            if reject is None:
                raise error from problem
            reject(error, line)
            continue
        yield record


def _write_lines(
    out: BinaryIO, path: Path, records: Iterable[Record], format: Callable[[Record], str]
) -> int:
    count = 0
    for count, record in enumerate(records, start=1):
        try:
            line = format(record)
        except ValueError as problem:
            raise CstoolError(f"{path}: record {count}: {problem}") from problem
        if "\n" in line:
            raise CstoolError(f"{path}: record {count} holds a line break; use JSONL for it")
        out.write(line.encode("utf-8") + b"\n")
    return count


def _sentence(problem: ValueError) -> str:
    if isinstance(problem, UnicodeDecodeError):
        if problem.object.startswith(_GZIP):
            return "is packed by gzip, expected text, or a name that ends in .gz"
        return f"byte {problem.start + 1} is {problem.object[problem.start]:#04x}, expected UTF-8"
    return str(problem)
