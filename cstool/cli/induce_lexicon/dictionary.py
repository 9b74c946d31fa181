"""`cstool induce-lexicon dictionary`."""

from pathlib import Path
from typing import Annotated

import typer

from cstool import files, formats
from cstool.cli.induce_lexicon import folder
from cstool.cli.job import Job


def run(
    job: Job,
    target_lang: folder.TargetLang,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="The dictionary; - is stdin.")
    ] = files.STDIO,
    source_lang: folder.SourceLang = "en",
    output: folder.Output = files.STDIO,
    max_translations: folder.MaxTranslations = None,
    keep_identical: folder.KeepIdentical = True,
) -> None:
    """Make a lexicon from a dictionary.

    FILE is one of MUSE's, with two words to a line, or TSV with source and target in its first two
    columns. Its order counts: the first translation of a word is its best.

    \b
    cstool induce-lexicon dictionary en-de.txt --target-lang de -o lexicons/muse
    """
    from cstool.lexicons.dictionaries import Account, ranked

    path = folder.pair_file(output, source_lang, target_lang)
    account = Account()
    entries = ranked(
        job.read(source, formats.parse_word_pair),
        account,
        max_translations=max_translations,
        keep_identical=keep_identical,
    )
    folder.write(job, path, entries, account)
