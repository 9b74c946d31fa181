"""`cstool induce-lexicon dictionary`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import files
from cstool.cli import options
from cstool.cli.induce_lexicon import folder
from cstool.cli.job import Job
from cstool.errors import CstoolError

if TYPE_CHECKING:
    from cstool.records import Entry


def run(
    job: Job,
    langs: folder.Langs,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="The dictionary; - is stdin.")
    ] = files.STDIO,
    source_lang: folder.SourceLang = "en",
    output: folder.Output = files.STDIO,
    max_translations: folder.MaxTranslations = None,
    keep_identical: folder.KeepIdentical = True,
) -> None:
    """Make a lexicon from a dictionary.

    FILE is one of MUSE's, with two words to a line; TSV or CSV with source and target in its first
    two columns; or Wiktionary as Wiktextract extracts it (JSONL from kaikki.org), which has many
    languages. Its order counts: the first translation of a word is its best.

    \b
    cstool induce-lexicon dictionary en-de.txt --langs de -o lexicons/muse
    cstool induce-lexicon dictionary kaikki.org-dictionary-English.jsonl.gz --langs de,ru \\
        -o lexicons/wiktionary
    """
    from cstool.lexicons.dictionaries import Account, Dictionary, ranked

    languages = options.languages(langs)
    paths = folder.pair_files(output, source_lang, languages)
    is_csv = ".csv" in source.suffixes[-2:]
    dictionary = Dictionary(source_lang, languages, is_csv=is_csv)
    pairs: dict[str, list[Entry]] = {language: [] for language in languages}
    for found in job.read(source, dictionary):
        for language, entry in found:
            pairs[language].append(entry)
    try:
        dictionary.end()
    except ValueError as problem:
        raise CstoolError(f"{source}: {problem}") from problem
    lexicons = {}
    for language in languages:
        account = Account(left_out=dictionary.left_out[language])
        entries = ranked(
            pairs[language],
            account,
            max_translations=max_translations,
            keep_identical=keep_identical,
        )
        lexicons[language] = (entries, account)
    folder.write_all(job, source_lang, paths, lexicons)
