"""What every command does around its stage: read, reject, write, keep the account."""

import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, Self, TypeVar, cast

import orjson

from cstool import __version__, console, files, formats
from cstool.errors import CstoolError, DataError

Record = TypeVar("Record")
_SHOWN_REJECTS = 10
_LINES_PER_UPDATE = 1000


@dataclass
class Job:
    """One run of one command.

    Inputs are read through it and outputs written through it, so that their digests and counts
    end up in the sidecar `OUT.meta.json` of every output file. `rejects` is None unless wrong
    lines are to be skipped.
    """

    command: str
    settings: Mapping[str, Any]
    rejects: Path | None = None
    counts: dict[str, Any] = field(default_factory=dict)
    inputs: list[files.Reading] = field(default_factory=list)
    outputs: list[Path] = field(default_factory=list)
    rejected: int = 0
    _stack: ExitStack = field(default_factory=ExitStack)
    _rejects: BinaryIO | None = None
    _stdin_read: bool = False

    def read(self, path: Path, parse: Callable[[str], Record]) -> Iterator[Record]:
        """Yield the records of a file, with progress; CstoolError at once if it cannot be read."""
        self._check_input(path)
        reading = files.Reading(path)
        reject = self.reject if self._rejects else None
        records = files.read(path, parse, reject=reject, reading=reading)
        return self.tracked(reading, records, _LINES_PER_UPDATE)

    def read_blocks(self, path: Path, shard: tuple[int, int]) -> Iterator[files.Block]:
        """Yield the lines of a file, or a shard of them, in blocks; otherwise the same."""
        self._check_input(path)
        reading = files.Reading(path)
        return self.tracked(reading, files.blocks(path, shard=shard, reading=reading), 1)

    @contextmanager
    def opened(self, path: Path) -> Iterator["Opened"]:
        """Open a file whose first bytes must tell how it is to be read."""
        self._check_input(path)
        reading = files.Reading(path)
        with files.opened(path, reading) as stream:
            yield Opened(self, cast(BufferedReader, stream), reading)

    def read_distinct(
        self, path: Path, parse: Callable[[str], Record], name: Callable[[Record], str]
    ) -> Iterator[Record]:
        """Yield records like `read`; one whose name has come before is a wrong line."""
        come: set[str] = set()

        def checked(line: str) -> Record:
            record = parse(line)
            if name(record) in come:
                raise ValueError(f"{name(record)} comes a second time")
            come.add(name(record))
            return record

        return self.read(path, checked)

    def read_texts(
        self, path: Path, kind: str, wanted: Container[str] | None = None
    ) -> dict[str, str]:
        """Read queries or passages, all or those wanted: id to text."""
        texts = self.read_distinct(path, formats.parse_text, lambda text: f"{kind} {text.id}")
        return {text.id: text.text for text in texts if wanted is None or text.id in wanted}

    def write(self, path: Path, records: Iterable[Record], format: Callable[[Record], str]) -> int:
        """Write one record per line, all or nothing, and return how many."""
        files.check_output(path)
        self._check_rejects(path)
        count = files.write(path, records, format)
        self.wrote(path)
        return count

    def write_together(
        self,
        outputs: Iterable[tuple[Path, Iterable[Record]]],
        format: Callable[[Record], str],
    ) -> None:
        """Write several files, each one record per line, all of them or nothing."""
        paths = []

        def checked() -> Iterator[tuple[Path, Iterable[Record]]]:
            for path, records in outputs:
                files.check_output(path)
                self._check_rejects(path)
                paths.append(path)
                yield path, records

        files.write_together(checked(), format)
        for path in paths:
            self.wrote(path)

    def write_blocks(self, path: Path, blocks: Iterable[bytes]) -> None:
        """Write lines that are bytes already, all or nothing."""
        files.check_output(path)
        self._check_rejects(path)
        with files.atomic(path) as out:
            out.writelines(blocks)
        self.wrote(path)

    def wrote(self, path: Path) -> None:
        """Note an output file that gets a sidecar; that of the file it replaced goes at once."""
        if path != files.STDIO and path.is_file():
            self.outputs.append(path)
            _sidecar(path).unlink(missing_ok=True)

    def reject(self, error: DataError, line: bytes) -> None:
        """Keep a wrong line aside, or raise its error if none are to be skipped."""
        self.rejected += 1
        if self._rejects is None:
            raise error
        try:
            self._rejects.write(line if line.endswith(b"\n") else line + b"\n")
        except OSError as problem:
            raise CstoolError(f"{self.rejects}: {problem.strerror}") from problem
        if self.rejected <= _SHOWN_REJECTS:
            console.warn(f"left out: {error}")

    def account(self) -> dict[str, Any]:
        """Tell what was done with what: the content of a sidecar."""
        return {
            "command": f"cstool {self.command}",
            "version": __version__,
            "settings": {name: plain(value) for name, value in self.settings.items()},
            "inputs": [
                {"path": plain(reading.path), "sha256": reading.sha256, "lines": reading.lines}
                for reading in self.inputs
            ],
            "counts": self.counts | ({"rejected": self.rejected} if self.rejects else {}),
        }

    def say(self, message: str) -> None:
        """Tell the outcome on stderr."""
        console.say(message)

    def __enter__(self) -> Self:
        if self.rejects:
            files.check_output(self.rejects)
            self._rejects = self._stack.enter_context(files.atomic(self.rejects))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> Literal[False]:
        self._stack.__exit__(kind, error, traceback)
        if error is None:
            for path in self.outputs:
                with files.atomic(_sidecar(path)) as out:
                    out.write(json_bytes(self.account()))
        if self.rejected and error is None:
            console.warn(f"{self.rejected} wrong lines left out, kept in {self.rejects}")
        return False

    def _check_input(self, path: Path) -> None:
        files.check_input(path)
        if path != files.STDIO:
            self._check_rejects(path)
        elif self._stdin_read:
            raise CstoolError("-: standard input can be read only once")
        else:
            self._stdin_read = True

    def tracked(
        self, reading: files.Reading, items: Iterable[Record], every: int
    ) -> Iterator[Record]:
        """Note an input as read, and show the progress after every so many items of it."""
        path = reading.path
        self.inputs.append(reading)
        size = path.stat().st_size if path.is_file() else None
        with console.progress(f"reading {path}", size) as bar:
            for number, item in enumerate(items, start=1):
                if number % every == 0:
                    bar.update(reading.position)
                yield item

    def _check_rejects(self, path: Path) -> None:
        if self.rejects and path.resolve() == self.rejects.resolve():
            raise CstoolError(f"{path}: wrong lines go there, it can be nothing else")


@dataclass(frozen=True)
class Opened:
    """An input that is open: its first bytes, then its records or its blocks, with progress."""

    job: Job
    stream: BufferedReader
    reading: files.Reading

    def head(self) -> bytes:
        """Give the first bytes, at least one if there is any; they are read again."""
        return files.head(self.stream, self.reading)

    def records(self, parse: Callable[[str], Record]) -> Iterator[Record]:
        """Yield one record per line, as `Job.read` does."""
        reject = self.job.reject if self.job.rejects else None
        records = files.records(self.stream, parse, self.reading, reject=reject)
        return self.job.tracked(self.reading, records, _LINES_PER_UPDATE)

    def blocks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Yield all bytes in blocks of this size, the last one shorter."""
        return self.job.tracked(self.reading, files.chunks(self.stream, self.reading, size), 1)


def _sidecar(path: Path) -> Path:
    return path.with_name(f"{path.name}.meta.json")


def json_bytes(account: Mapping[str, Any]) -> bytes:
    """Write an account for people and programs: indented, with a line break at the end."""
    return orjson.dumps(account, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def plain(value: Any) -> Any:
    """Turn an option's value into what JSON and YAML can hold."""
    if isinstance(value, os.PathLike):
        return os.fsencode(value).decode("utf-8", "backslashreplace")
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return getattr(value, "value", value)
