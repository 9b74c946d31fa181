"""`cstool induce-lexicon titles`."""

from pathlib import Path
from typing import Annotated

import typer

from cstool import files, formats
from cstool.cli.induce_lexicon import folder
from cstool.cli.job import Job
from cstool.settings import Titles


def run(
    job: Job,
    target_lang: folder.TargetLang,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="TSV: title, title in the other language.")
    ] = files.STDIO,
    source_lang: folder.SourceLang = "en",
    output: folder.Output = files.STDIO,
    max_words: Annotated[
        int, typer.Option(min=1, help="Leave out longer source titles.")
    ] = Titles.max_words,
    keep_identical: folder.KeepIdentical = True,
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

    path = folder.pair_file(output, source_lang, target_lang)
    account = Account()
    pairs = job.read(source, formats.parse_title_pair)
    cleaned = clean(pairs, account.left_out, max_words=max_words)
    entries = ranked(cleaned, account, keep_identical=keep_identical)
    folder.write(job, path, entries, account)
