"""What `evaluate` and `report` read besides runs: qrels, groups of pairs, older results."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cstool import files, formats
from cstool.cli.job import Job
from cstool.groups import GROUPINGS, Group, Pair, own

if TYPE_CHECKING:
    from cstool.evaluate import Judgements
    from cstool.results import Results

LANG = "{lang}"  # in a path: the language of its texts


def in_language(path: Path, language: str) -> Path:
    """Put a language into a path that has a place for it."""
    return Path(str(path).replace(LANG, language))


@dataclass
class JudgementFiles:
    """Reads the qrels of each pair of languages once: of all pairs, or of a passage language."""

    job: Job
    path: Path
    _read: dict[Path, "Judgements"] = field(default_factory=dict)

    def of(self, pair: Pair) -> "Judgements":
        """Give the judgements that hold for a pair."""
        from cstool.evaluate import Judgements

        path = in_language(self.path, pair[1])
        if path not in self._read:
            self._read[path] = Judgements.of(
                self.job.read_distinct(
                    path, formats.parse_qrel, lambda q: f"query {q.qid} with passage {q.pid}"
                )
            )
        return self._read[path]

    def digests(self) -> dict[str, str]:
        """Give the SHA-256 of every file that was read."""
        return {
            str(reading.path): reading.sha256 or ""
            for reading in self.job.inputs
            if reading.path in self._read
        }

    def check(self, pairs: Iterable[Pair]) -> list[Path]:
        """Name the files that these pairs need; CstoolError if one cannot be read."""
        paths = list(dict.fromkeys(in_language(self.path, pair[1]) for pair in pairs))
        for path in paths:
            files.check_input(path)
        return paths


def results(job: Job, path: Path) -> "Results":
    """Read what an evaluation wrote as JSON; CstoolError if it is something else."""
    from cstool.results import from_json

    with job.opened(path) as opened:
        content = b"".join(opened.blocks())
    return from_json(content, path)


def grouping(names: str, seen: Sequence[str]) -> Callable[[Sequence[Pair]], list[Group]]:
    """Put groupings together: `kind,script,mine.yaml`; a wrong file is a wrong option."""
    chosen = [
        (name, _own(Path(name)) if name not in GROUPINGS else {}) for name in names.split(",")
    ]

    def grouped(pairs: Sequence[Pair]) -> list[Group]:
        groups: list[Group] = []
        for name, named in chosen:
            groups += own(pairs, named) if named else GROUPINGS[name](pairs, seen)
        return groups

    return grouped


def _own(path: Path) -> Mapping[str, list[str]]:
    import yaml

    try:
        # BaseLoader: `no` is Norwegian.
        found: Any = yaml.load(path.read_text(encoding="utf-8"), yaml.BaseLoader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise typer.BadParameter(f"{path}: {error}", param_hint="--groups") from error
    if not isinstance(found, dict) or not all(
        isinstance(pairs, list) and pairs and all(isinstance(pair, str) for pair in pairs)
        for pairs in found.values()
    ):
        raise typer.BadParameter(
            f"{path}: expected groups as in 'Romance: [en-it, es-fr]'", param_hint="--groups"
        )
    return found
