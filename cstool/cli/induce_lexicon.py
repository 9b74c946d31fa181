"""`cstool induce-lexicon`: one command for each kind of source."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import files, formats
from cstool.cli import options
from cstool.cli.command import command
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.records import Entry
from cstool.settings import Titles

if TYPE_CHECKING:
    from cstool.lexicons.dictionaries import Account


app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def induce_lexicon() -> None:
    """Make a bilingual lexicon.

    A lexicon is a folder with one file for each pair of languages, such as en-de.tsv: source,
    target and score, the best translation first.
    """


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


@command(app, "dictionary")
def dictionary(
    job: Job,
    target_lang: TargetLang,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="The dictionary; - is stdin.")
    ] = files.STDIO,
    source_lang: SourceLang = "en",
    output: Output = files.STDIO,
    max_translations: MaxTranslations = None,
    keep_identical: KeepIdentical = True,
) -> None:
    """Make a lexicon from a dictionary.

    FILE is one of MUSE's, with two words to a line, or TSV with source and target in its first two
    columns. Its order counts: the first translation of a word is its best.

    \b
    cstool induce-lexicon dictionary en-de.txt --target-lang de -o lexicons/muse
    """
    from cstool.lexicons.dictionaries import Account, ranked

    path = _path(output, source_lang, target_lang)
    account = Account()
    entries = ranked(
        job.read(source, formats.parse_word_pair),
        account,
        max_translations=max_translations,
        keep_identical=keep_identical,
    )
    _write(job, path, entries, account)


@command(app, "titles")
def titles(
    job: Job,
    target_lang: TargetLang,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="TSV: title, title in the other language.")
    ] = files.STDIO,
    source_lang: SourceLang = "en",
    output: Output = files.STDIO,
    max_words: Annotated[
        int, typer.Option(min=1, help="Leave out longer source titles.")
    ] = Titles.max_words,
    keep_identical: KeepIdentical = True,
) -> None:
    """Make a lexicon from titles of encyclopedia articles.

    A disambiguation in parentheses at the end of a title is taken away. Left out are pages outside
    the encyclopedia ("Category:Rivers"), a title in parentheses whose bare form is another
    article's title, titles that text cannot be matched with (numbers, punctuation), long titles
    and single stop words.

    \b
    cstool induce-lexicon titles en-de.titles.tsv --target-lang de -o lexicons/titles
    """
    from cstool.lexicons.dictionaries import Account, ranked
    from cstool.lexicons.titles import clean

    path = _path(output, source_lang, target_lang)
    account = Account()
    pairs = job.read(source, formats.parse_title_pair)
    cleaned = clean(pairs, account.left_out, max_words=max_words)
    entries = ranked(cleaned, account, keep_identical=keep_identical)
    _write(job, path, entries, account)


def _path(output: Path, source_lang: str, target_lang: str) -> Path:
    if source_lang == target_lang:
        raise typer.BadParameter(f"both languages are {source_lang}")
    from cstool.lexicons import store

    path = output
    if output != files.STDIO:
        path = output / store.file_name(source_lang, target_lang)
    files.check_output(path)
    return path


def _write(job: Job, path: Path, entries: list[Entry], account: "Account") -> None:
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
