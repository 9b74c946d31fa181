"""`cstool lexicon show`."""

from typing import Annotated

import typer

from cstool import files, formats
from cstool.cli import options
from cstool.cli.job import Job
from cstool.errors import CstoolError


def run(
    job: Job,
    word: Annotated[str, typer.Argument(metavar="WORD", help="A word or phrase of the lexicon.")],
    lexicon: options.Lexicon = "wiki",
    output: options.Output = files.STDIO,
    format: options.TableFormat = None,
) -> None:
    """Show the translations of a word.

    All translations in every language, the best first, with their scores; then the phrases that
    begin with the word. Letter case does not count.

    \b
    cstool lexicon show time
    cstool lexicon show 'new york' --lexicon titles
    """
    from cstool import tables
    from cstool.lexicons import store

    path = store.find(lexicon)
    key = store.source_key(word)
    rows = []
    for (source, target), file in store.every_pair(path).items():
        exact: list[list[str]] = []
        phrases: list[list[str]] = []
        for entry in job.read(file, formats.parse_entry):
            found = store.source_key(entry.source)
            if found == key or found.startswith(f"{key} "):
                row = [source, target, entry.source, entry.target, f"{entry.score:.4g}"]
                (exact if found == key else phrases).append(row)
        rows += exact + phrases
    if not rows:
        raise CstoolError(f"{path}: has no {word!r}, and no phrase that begins with it")
    header = ["source", "target", "entry", "translation", "score"]
    job.write(output, tables.listing(format or tables.format_of(output), header, rows), str)
    job.say(f"{len(rows)} entries in {path}")
