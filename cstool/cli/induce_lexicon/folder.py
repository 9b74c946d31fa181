"""What the kinds of source share: the lexicon's folder, its languages, the account."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import files, formats
from cstool.cli import options
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.records import Entry

if TYPE_CHECKING:
    from cstool.lexicons.dictionaries import Account


def _folder(path: Path | None) -> Path | None:
    if path is not None and (path.suffix in (".tsv", ".gz") or path.is_file()):
        raise typer.BadParameter(f"{path} is a file, expected a lexicon's folder")
    return path


Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", metavar="DIR", help="The lexicon's folder; - is stdout.", callback=_folder
    ),
]
SourceLang = Annotated[
    str,
    typer.Option(metavar="LANG", help="Of the first column.", callback=options.checked_language),
]
TargetLang = Annotated[
    str,
    typer.Option(metavar="LANG", help="Of the second column.", callback=options.checked_language),
]
MaxTranslations = Annotated[
    int | None, typer.Option(min=1, help="Keep the best N for each source. Default: all.")
]
KeepIdentical = Annotated[
    bool,
    typer.Option(
        "--keep-identical/--drop-identical",
        help="Pairs whose sides differ in nothing but case; the paper's dictionary has them.",
    ),
]


def pair_file(output: Path, source_lang: str, target_lang: str) -> Path:
    """Give the file of a language pair in the lexicon; an error if it cannot be written."""
    if source_lang == target_lang:
        raise typer.BadParameter(f"both languages are {source_lang}")
    from cstool.lexicons import store

    path = output
    if output != files.STDIO:
        path = output / store.file_name(source_lang, target_lang)
    files.check_output(path)
    return path


def write(job: Job, path: Path, entries: list[Entry], account: "Account") -> None:
    """Write entries and tell what was left out; CstoolError if there is none."""
    reasons = sorted(account.left_out.items())
    left_out = ", ".join(f"{count} {reason}" for reason, count in reasons) or "nothing"
    if not entries:
        raise CstoolError(f"no entry to write; left out: {left_out}")
    job.write(path, entries, formats.format_entry)
    job.counts = account.summary()
    job.say(
        f"{account.entries} entries for {account.sources} sources, {account.identical} identical, "
        f"{account.unmatchable} that no text can match; left out: {left_out}"
    )
