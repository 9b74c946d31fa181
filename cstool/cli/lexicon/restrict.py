"""`cstool lexicon restrict`."""

import math
from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cstool import formats
from cstool.cli import options
from cstool.cli.job import Job
from cstool.cli.lexicon import folder
from cstool.errors import CstoolError


def run(
    job: Job,
    lexicon: folder.Lexicon,
    output: folder.Output,
    vocabulary: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Keep sources whose words are all in this file: training examples, queries, "
            "passages, or plain text.",
        ),
    ] = None,
    max_translations: Annotated[
        int | None, typer.Option(min=1, help="Keep the best N for each source. Default: all.")
    ] = None,
    min_score: Annotated[
        float, typer.Option(help="Keep translations with this score and higher ones.")
    ] = -math.inf,
    langs: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Keep these target languages. Default: all there are.",
            callback=options.checked_languages,
        ),
    ] = None,
) -> None:
    """Keep a part of a lexicon.

    A lexicon that is restricted to the vocabulary of a file switches this file as the whole lexicon
    does, and loads faster.

    \b
    cstool lexicon restrict titles --vocabulary train.jsonl.gz -o lexicons/titles-train
    cstool lexicon restrict muse --langs de,ru --max-translations 1 -o lexicons/muse-best
    """
    from cstool.lexicons import store
    from cstool.lexicons import vocabulary as occurring
    from cstool.lexicons.operations import restrict

    path = store.find(lexicon)
    pairs = store.every_pair(path)
    wanted = set(options.languages(langs)) or {target for _, target in pairs}
    if missing := sorted(wanted - {target for _, target in pairs}):
        raise CstoolError(f"{path}: has no translations into {', '.join(missing)}")
    known = occurring.keys(job.read(vocabulary, occurring.Parser())) if vocabulary else None
    left_out = Counter[str]()
    made = (
        (
            pair,
            restrict(
                job.read(file, formats.parse_entry),
                left_out,
                vocabulary=known,
                max_translations=max_translations,
                min_score=min_score,
            ),
        )
        for pair, file in pairs.items()
        if pair[1] in wanted
    )
    folder.write(job, output, made, left_out)
