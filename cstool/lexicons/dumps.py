"""Fetching a wiki's dumps from Wikimedia or a mirror of it.

A download that was cut off goes on where it stopped, in another run as well, and a file gets its
name when its checksum is right.
"""

import hashlib
import http.client
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from cstool import __version__
from cstool.errors import CstoolError

MIRROR = "https://dumps.wikimedia.org"
LATEST = "latest"
PAUSES = (1.0, 3.0, 9.0, 27.0)  # seconds before another try, from the last byte that came

Tell = Callable[[str, int, int], None]  # name of a file, bytes so far, bytes in all

_BLOCK = 1 << 18
_TIMEOUT = 60.0  # seconds without a byte
_SUMS_SIZE = 1 << 20  # bytes, four times what the list of a large wiki has
_TRY_AGAIN = (408, 429, 500, 502, 503, 504)
_ENTRY = re.compile(r"([0-9a-f]{40})\s+(\S+)")


def fetch(
    wiki: str,
    tables: Sequence[str],
    folder: Path,
    tell: Tell,
    *,
    date: str = LATEST,
    mirror: str = MIRROR,
    pauses: Sequence[float] = PAUSES,
) -> list[Path]:
    """Fetch the dumps of some tables of a wiki (such as enwiki), and give where they lie.

    `date` is that of a dump (20260101), or latest. What lies in the folder already, and is right,
    is not fetched again. CstoolError if a file cannot be had, or is not what the dump's list of
    SHA-1 checksums says.
    """
    url = f"{mirror}/{wiki}/{date}/{wiki}-{date}-sha1sums.txt"
    listed = {name: sha1 for sha1, name in _ENTRY.findall(_text(url, pauses))}
    fetched = []
    for table in tables:
        name = next((n for n in listed if re.fullmatch(rf"{wiki}-\d{{8}}-{table}\.sql\.gz", n)), "")
        if not name:
            hint = "that dump may not be complete yet, --dump-date takes an older one"
            raise CstoolError(f"{url}: lists no {wiki}-DATE-{table}.sql.gz; {hint}")
        day = name.split("-")[1]
        path = folder / name
        _fetch(f"{mirror}/{wiki}/{day}/{name}", path, listed[name], tell, pauses)
        fetched.append(path)
    return fetched


class _Interrupted(Exception):
    """What another try may mend."""


def _text(url: str, pauses: Sequence[float]) -> str:
    left = list(pauses)
    while True:
        try:
            with _opened(url) as answer:
                text = _read(answer, _SUMS_SIZE)
                if len(text) < int(answer.headers.get("Content-Length", 0)):
                    raise _Interrupted("the connection ended too early")
                return text.decode("utf-8", "replace")
        except _Interrupted as problem:
            if not left:
                raise CstoolError(f"{url}: {problem}") from problem
            time.sleep(left.pop(0))


def _fetch(url: str, path: Path, sha1: str, tell: Tell, pauses: Sequence[float]) -> None:
    try:
        if path.exists():
            if (found := _sha1(path)) != sha1:
                hint = "remove it to have it fetched again"
                raise CstoolError(f"{path}: has the SHA-1 {found}, expected {sha1}; {hint}")
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part")
        _go_on(url, part, path.name, tell, pauses)
        if (found := _sha1(part)) != sha1:
            part.unlink()
            raise CstoolError(f"{url}: has the SHA-1 {found}, expected {sha1}; it was removed")
        part.replace(path)
    except OSError as error:
        raise CstoolError(f"{path}: {error.strerror or error}") from error


def _go_on(url: str, part: Path, name: str, tell: Tell, pauses: Sequence[float]) -> None:
    """Fetch what a part lacks; tries are counted from the last one that brought something."""
    part.touch()
    left = list(pauses)
    while True:
        before = part.stat().st_size
        try:
            return _append(url, part, before, lambda done, total: tell(name, done, total))
        except _Interrupted as problem:
            after = part.stat().st_size
            if after > before:
                left = list(pauses)
            if not left:
                kept = f"{after} bytes are kept in {part}, the same command goes on from there"
                raise CstoolError(f"{url}: {problem}; {kept}") from problem
            time.sleep(left.pop(0))


def _append(url: str, part: Path, start: int, tell: Callable[[int, int], None]) -> None:
    try:
        answer = _opened(url, {"Range": f"bytes={start}-"} if start else {})
    except _Complete:
        return
    with answer:
        if answer.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0  # the whole file comes, as from servers that know no ranges
        elif not str(answer.headers["Content-Range"]).startswith(f"bytes {start}-"):
            raise CstoolError(f"{url}: another range came than that from byte {start} on")
        length = int(answer.headers.get("Content-Length", 0))
        done, total = start, start + length
        with part.open("r+b") as out:
            out.seek(start)
            out.truncate()
            tell(done, total)
            while block := _read(answer, _BLOCK):
                out.write(block)
                done += len(block)
                tell(done, total)
    if done < total:
        raise _Interrupted(f"the connection ended after {done} of {total} bytes")


class _Complete(Exception):
    """There is nothing behind the byte asked for."""


def _opened(url: str, headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
    agent = {"User-Agent": f"cstool/{__version__} (Python-urllib)"}
    request = urllib.request.Request(url, headers=agent | (headers or {}))
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            raise _Complete from error
        if error.code in _TRY_AGAIN:
            raise _Interrupted(f"{error.code} {error.reason}") from error
        raise CstoolError(f"{url}: {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(_reason(error)) from error
    return answer


def _read(answer: http.client.HTTPResponse, size: int) -> bytes:
    try:
        return answer.read(size)
    except (OSError, http.client.HTTPException) as error:
        raise _Interrupted(_reason(error)) from error


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    return str(getattr(reason, "strerror", None) or reason or type(error).__name__)


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
