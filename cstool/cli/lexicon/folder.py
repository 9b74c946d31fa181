"""What the subcommands share: lexicons that are read, the folder that is written."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from cstool import console, files, formats
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.records import Entry

Pair = tuple[str, str]  # source and target language


def _folder(path: Path) -> Path:
    if path == files.STDIO or path.suffix in (".tsv", ".gz") or path.is_file():
        raise typer.BadParameter(f"{path}: expected the folder of a lexicon")
    return path


Lexicon = Annotated[
    str, typer.Argument(metavar="LEXICON", help="A lexicon by name, its folder, or one file.")
]
Lexicons = Annotated[
    list[str],
    typer.Argument(metavar="LEXICON", help="Lexicons by name, their folders, or files."),
]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="DIR", help="The new lexicon.", callback=_folder),
]


def name(pair: Pair) -> str:
    """Name a pair of languages as its file is named."""
    return "-".join(pair)


def write(
    job: Job,
    output: Path,
    made: Iterable[tuple[Pair, Iterable[Entry]]],
    left_out: Counter[str] | None = None,
) -> None:
    """Write one file for each pair of languages, all or none of them.

    Pairs without an entry get no file; CstoolError if all are without. Files of other pairs that
    the folder has from before stay.
    """
    from cstool.lexicons import store

    files.check_output(output / store.file_name("en", "de"))
    counts: dict[str, int] = {}

    def reasons() -> str:
        told = ", ".join(f"{count} {reason}" for reason, count in sorted((left_out or {}).items()))
        return f"; left out: {told}" if told else ""

    def outputs() -> Iterator[tuple[Path, list[Entry]]]:
        for pair, found in made:
            entries = list(found)
            counts[name(pair)] = len(entries)
            if not entries:
                continue
            path = output / store.file_name(*pair)
            packed = path.with_name(f"{path.name}.gz")
            if packed.exists():
                raise CstoolError(f"{packed}: is there already, and {path.name} would be the same")
            yield path, entries
        if not any(counts.values()):
            raise CstoolError(f"no entry is left: nothing written{reasons()}")

    job.write_together(outputs(), formats.format_entry)
    for pair_name in [pair_name for pair_name, count in counts.items() if not count]:
        console.warn(f"no entry is left for {pair_name}: it has no file")
    job.counts |= {"entries": counts}
    if left_out is not None:
        job.counts["left_out"] = dict(sorted(left_out.items()))
    told = ", ".join(f"{count} {pair_name}" for pair_name, count in counts.items() if count)
    kept = [name(pair) for pair in store.every_pair(output) if not counts.get(name(pair))]
    beside = f"; beside {', '.join(kept)} from before" if kept else ""
    job.say(f"{output}: {told}{beside}{reasons()}")
