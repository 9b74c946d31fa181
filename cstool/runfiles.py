"""Where the runs of an experiment lie: SYSTEM/SEED/QLANG-DLANG.trec."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cstool import files
from cstool.errors import CstoolError
from cstool.pairs import NAME

UNKNOWN = "-"  # a language or a seed that the name of a file does not tell
_NAME = re.compile(rf"{NAME}\.trec(?:\.gz)?")
_LAYOUT = "SYSTEM/SEED/QLANG-DLANG.trec"


@dataclass(frozen=True)
class RunFile:
    """One run: where it lies, and whose it is."""

    path: Path
    system: str
    query_lang: str = UNKNOWN
    passage_lang: str = UNKNOWN
    seed: str = UNKNOWN

    @property
    def pair(self) -> tuple[str, str]:
        """Give the query language and the passage language."""
        return self.query_lang, self.passage_lang


def find(paths: Iterable[Path], system: str | None = None) -> list[RunFile]:
    """List runs: files as they come, of a folder all that are laid out as SYSTEM/SEED/PAIR.trec.

    A file on its own is named by `system` or its stem, and its languages by its name if that is
    one such as en-de.trec. CstoolError for a folder without runs or with a run in a wrong place,
    for a file that cannot be read and for two files of the same run.
    """
    found: list[RunFile] = []
    for path in paths:
        found += _in_folder(path) if path.is_dir() else [_alone(path, system)]
    seen: dict[RunFile, Path] = {}
    for run in found:
        files.check_input(run.path)
        same = replace(run, path=files.STDIO)
        if same in seen:
            raise CstoolError(
                f"{seen[same]} and {run.path} are both system {run.system}, languages "
                f"{'-'.join(run.pair)}, seed {run.seed}; each run can be there once"
            )
        seen[same] = run.path
    return found


def of_pairs(path: Path, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Path]:
    """Find the run of every pair: one file for all, or PAIR.trec of a folder."""
    if not path.is_dir():
        files.check_input(path)
        return dict.fromkeys(pairs, path)
    here = {_pair(file): file for file in sorted(path.iterdir()) if _is_run(file)}
    for pair in pairs:
        if pair not in here:
            raise CstoolError(f"{path}: holds no {'-'.join(pair)}.trec, and that run is needed")
    return {pair: here[pair] for pair in pairs}


def first_stage(
    path: Path, pairs: Sequence[tuple[str, str]], system: str
) -> dict[Path, list[RunFile]]:
    """List the first stage of every pair, by file: one file for all, or PAIR.trec of a folder."""
    found: dict[Path, list[RunFile]] = {}
    for pair, file in of_pairs(path, pairs).items():
        found.setdefault(file, []).append(RunFile(file, system, *pair))
    return found


def _in_folder(folder: Path) -> list[RunFile]:
    found = []
    for path in sorted(folder.rglob("*.trec*")):
        if not _is_run(path):
            continue
        parts, pair = path.relative_to(folder).parts, _pair(path)
        if len(parts) != 3 or pair is None:
            raise CstoolError(f"{path}: expected {_LAYOUT} below {folder}")
        found.append(RunFile(path, parts[0], *pair, seed=parts[1]))
    if not found:
        raise CstoolError(f"{folder}: holds no runs, expected {_LAYOUT}")
    return found


def _alone(path: Path, system: str | None) -> RunFile:
    stem = "stdin" if path == files.STDIO else path.name.removesuffix(".gz").removesuffix(".trec")
    return RunFile(path, system or stem, *(_pair(path) or ()))


def _is_run(path: Path) -> bool:
    return path.is_file() and path.name.removesuffix(".gz").endswith(".trec")


def _pair(path: Path) -> tuple[str, str] | None:
    match = _NAME.fullmatch(path.name)
    return (match["query"], match["passage"]) if match else None
