"""What the kinds of source share: the lexicon's folder, its languages, the account."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import console, files, formats
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
Langs = Annotated[
    str,
    typer.Option(
        "--langs",
        "--target-lang",
        metavar="LANGS",
        help="Languages to translate to, such as de,it,ru: a file for each, in one pass.",
        callback=options.checked_languages,
    ),
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
    return pair_files(output, source_lang, [target_lang])[target_lang]


def pair_files(output: Path, source_lang: str, languages: Sequence[str]) -> dict[str, Path]:
    """Give the file of each language in the lexicon; an error if one cannot be written."""
    if source_lang in languages:
        raise typer.BadParameter(f"both languages are {source_lang}")
    if output == files.STDIO and len(languages) > 1:
        raise typer.BadParameter("several languages make several files: give a folder with -o DIR")
    from cstool.lexicons import store

    paths = {}
    for language in languages:
        name = store.file_name(source_lang, language)
        paths[language] = output if output == files.STDIO else output / name
        files.check_output(paths[language])
    return paths


def write(job: Job, path: Path, entries: list[Entry], account: "Account") -> None:
    """Write the entries of the languages that the command was given; CstoolError without any."""
    source_lang, language = job.settings["source_lang"], job.settings["target_lang"]
    write_all(job, source_lang, {language: path}, {language: (entries, account)})


def write_all(
    job: Job,
    source_lang: str,
    paths: Mapping[str, Path],
    lexicons: Mapping[str, tuple[Iterable[Entry], "Account"]],
) -> None:
    """Write the entries for each language, all files or none, and tell what was left out.

    An account need not be filled before all its entries have been taken. CstoolError if there is
    no entry for a language; signs that languages are mistaken are told.
    """
    doubts: list[str] = []
    outputs = (
        (paths[language], _watched(entries, account, source_lang, language, doubts))
        for language, (entries, account) in lexicons.items()
    )
    job.write_together(outputs, formats.format_entry)
    counts = {language: account.summary() for language, (_, account) in lexicons.items()}
    several = len(counts) > 1
    job.counts = {**counts} if several else next(iter(counts.values()))
    for language, (_, account) in lexicons.items():
        job.say((f"{source_lang}-{language}: " if several else "") + _told(account))
    for doubt in doubts:
        console.warn(doubt)


def _watched(
    entries: Iterable[Entry],
    account: "Account",
    source_lang: str,
    language: str,
    doubts: list[str],
) -> Iterator[Entry]:
    """Pass entries on, note what is strange about them, and complain if there are none."""
    from cstool.lexicons import plausible

    stream = iter(entries)
    sample = list(islice(stream, plausible.SAMPLE))
    if not sample:
        raise CstoolError(f"no entry to write for {language}; left out: {_left_out(account)}")
    found = plausible.doubts(sample, source_lang, language)
    doubts += [f"{source_lang}-{language}: {doubt}" for doubt in found]
    yield from sample
    yield from stream


def _told(account: "Account") -> str:
    return (
        f"{account.entries} entries for {account.sources} sources, {account.identical} identical, "
        f"{account.unmatchable} that no text can match; left out: {_left_out(account)}"
    )


def _left_out(account: "Account") -> str:
    reasons = sorted(account.left_out.items())
    return ", ".join(f"{count} {reason}" for reason, count in reasons) or "nothing"
