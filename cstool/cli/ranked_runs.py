"""Runs read column by column where that is possible, and remembered by their digests."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from cstool import __version__, files
from cstool.cli.job import Job

if TYPE_CHECKING:
    from cstool.columns import Found
    from cstool.evaluate import Judgements


@dataclass(frozen=True)
class RankedRuns:
    """Reads runs for one evaluation; `cache` is a folder of what was found in earlier ones."""

    job: Job
    ties: str
    cache: Path | None = None

    def read(self, path: Path, judged: "Judgements", depth: int | None = None) -> "Found | None":
        """Rank a run; None if it must be read line by line (nothing of it counts as read then)."""
        from cstool import columns

        if path == files.STDIO or not path.is_file() or self.job.rejects:
            return None
        files.check_input(path)
        reading = files.Reading(path)
        digest = files.digest(path) if self.cache else None
        kept = self._kept(digest, judged, depth) if digest else None
        if kept and kept.exists() and (found := _load(kept)):
            reading.sha256 = digest
        else:
            try:
                with files.opened(path, reading) as stream:
                    found = columns.rankings(stream, judged, ties=self.ties, depth=depth)
            except columns.Unusual:
                return None
            if kept:
                _store(kept, found)
        reading.lines = found.lines
        self.job.inputs.append(reading)
        return found

    def _kept(self, digest: str, judged: "Judgements", depth: int | None) -> Path:
        """Name the file for a run: by its bytes, the judgements, and how it is ranked."""
        parts = (__version__, digest, judged.digest, self.ties, str(depth))
        name = hashlib.sha256(" ".join(parts).encode()).hexdigest()
        return (self.cache or Path()) / f"{name}.json"


def _store(path: Path, found: "Found") -> None:
    rankings = [[one.hits, list(one.ranks), list(one.grades)] for one in found.rankings]
    kept = {"queries": found.queries, "lines": found.lines, "rankings": rankings}
    with files.atomic(path) as out:
        out.write(orjson.dumps(kept))


def _load(path: Path) -> "Found | None":
    """Read what was kept; None if it cannot be made out, so that it is made anew."""
    from cstool.columns import Found
    from cstool.measures import Ranking

    try:
        kept = orjson.loads(path.read_bytes())
        return Found([Ranking(*one) for one in kept["rankings"]], kept["queries"], kept["lines"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
