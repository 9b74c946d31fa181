"""Windows of a run: what is read, scored and kept together, so that a killed run can go on.

A window holds whole queries. Which ones depends on the run and the depth alone, and how the pairs
of a window share batches depends on the window alone.
"""

import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from cstool import files
from cstool.errors import CstoolError
from cstool.records import Hit
from cstool.runs import Run

PAIRS = 1 << 16  # of a window, unless one query alone has more
_PLAN = "plan.json"
_OURS = re.compile(r"\.?(plan|window-\d+)\.json")


@dataclass(frozen=True)
class Scores:
    """The logits of the pairs of a window, in their order, and how many texts had to be cut."""

    values: Sequence[float]
    truncated_passages: int = 0
    truncated_queries: int = 0


@dataclass(frozen=True)
class Window:
    """Some queries with all their hits, and of these the candidates, in an order by hash."""

    number: int
    run: Sequence[tuple[str, Sequence[Hit]]]
    candidates: Sequence[Hit]


def cut(run: Run, depth: int, size: int = PAIRS) -> Iterator[Window]:
    """Cut a run into windows of at most `size` pairs to score, queries by id."""
    queries: list[tuple[str, Sequence[Hit]]] = []
    candidates: list[Hit] = []
    number = 0
    for qid, hits in sorted(run.items()):
        if queries and len(candidates) + min(depth, len(hits)) > size:
            yield Window(number, queries, candidates)
            queries, candidates, number = [], [], number + 1
        queries.append((qid, hits))
        candidates += shuffled(hits[:depth])
    if queries:
        yield Window(number, queries, candidates)


def shuffled(hits: Sequence[Hit]) -> list[Hit]:
    """Put hits into an order that depends on their ids alone."""
    return sorted(hits, key=lambda hit: hashlib.sha256(repr((hit.qid, hit.pid)).encode()).digest())


class Kept:
    """The scores of the windows that are done, in a folder beside the output, for `--resume`.

    `plan` is all that the scores depend on. Windows of another plan are removed, or, with `resume`,
    refused with a CstoolError, as a folder with anything else in it is.
    """

    def __init__(self, output: Path, plan: Mapping[str, Any], *, resume: bool) -> None:
        self.folder = output.with_name(f"{output.name}.reranking")
        file, content = self.folder / _PLAN, orjson.dumps(plan, option=orjson.OPT_INDENT_2)
        found = file.read_bytes() if file.is_file() else None
        if resume and found is not None and found != content:
            names = _different(orjson.loads(found), orjson.loads(content))
            raise CstoolError(
                f"{self.folder}: was begun with other {names}; without --resume it begins anew"
            )
        if not resume or found is None:  # without their plan, nobody knows what windows are of
            self.remove()
        if not file.is_file():
            with files.atomic(file) as out:
                out.write(content)

    def __contains__(self, number: int) -> bool:
        return self._file(number).is_file()

    def get(self, number: int) -> Scores | None:
        """Give the scores of a window, or None if it has not been done."""
        file = self._file(number)
        return Scores(**orjson.loads(file.read_bytes())) if file.is_file() else None

    def put(self, number: int, scores: Scores) -> None:
        """Keep the scores of a window, whole or not at all."""
        with files.atomic(self._file(number)) as out:
            out.write(orjson.dumps(asdict(scores)))

    def remove(self) -> None:
        """Forget all windows: the output is written."""
        if self.folder.is_dir():
            if not all(_OURS.match(path.name) for path in self.folder.iterdir()):
                raise CstoolError(f"{self.folder}: is in use, and not by windows of a run")
            shutil.rmtree(self.folder)

    def _file(self, number: int) -> Path:
        return self.folder / f"window-{number}.json"


def _different(a: Mapping[str, Any], b: Mapping[str, Any]) -> str:
    return ", ".join(sorted(key for key in a.keys() | b.keys() if a.get(key) != b.get(key)))
