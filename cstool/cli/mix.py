"""`cstool mix`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from cstool import files, formats
from cstool.cli import options
from cstool.cli.job import Job
from cstool.settings import MIXES

_PLACE = "{lang}"


def _checked_pattern(value: str) -> str:
    if _PLACE not in value:
        raise typer.BadParameter(f"{value}: expected {_PLACE} where the language stands")
    return value


def _languages(value: str) -> tuple[str, ...]:
    return MIXES.get(value) or options.languages(value)


def _checked_languages(value: str) -> str:
    _languages(value)
    return value


def run(
    job: Job,
    pattern: Annotated[
        str,
        typer.Argument(
            metavar="PATTERN",
            help="Files of queries or passages, with {lang} for the language.",
            callback=_checked_pattern,
        ),
    ],
    langs: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="Languages to draw from, such as en,de,ru, or the paper's: xx6 is "
            f"{','.join(MIXES['xx6'])}, xx14 has eight more. The first one's file gives the order.",
            callback=_checked_languages,
        ),
    ],
    output: options.Output = files.STDIO,
    assignment: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write which id got which language: TSV (id, language)."),
    ] = None,
    seed: options.Seed = 1,
) -> None:
    """Mix languages: one drawn for each query or passage.

    For multilingual retrieval (MLIR): of the same texts in several languages, with the same ids in
    every file, each is taken in one language. The draw depends on the seed, the id and the
    languages alone, so that a further language takes the place of others for its share of the ids
    and leaves the rest as it was.

    \b
    cstool mix queries.{lang}.tsv --langs xx6 -o queries.xx6.tsv
    cstool mix passages.{lang}.tsv --langs de,ru --assignment languages.tsv -o passages.xx.tsv
    """
    if assignment == output:
        raise typer.BadParameter("--output and --assignment are the same file")
    from cstool.mix import mix

    for target in filter(None, (output, assignment)):
        files.check_output(target)
    paths = {code: Path(pattern.replace(_PLACE, code)) for code in _languages(langs)}
    texts = {
        code: job.read_distinct(path, formats.parse_text, lambda text: f"id {text.id}")
        for code, path in paths.items()
    }
    drawn = mix(texts, seed, where=paths.__getitem__)
    job.write(output, (one.text for one in drawn), formats.format_text)
    if assignment:
        job.write(assignment, (f"{one.text.id}\t{one.language}" for one in drawn), str)
    counts = Counter(one.language for one in drawn)
    job.counts = {"texts": len(drawn), "by_language": {code: counts[code] for code in paths}}
    shares = ", ".join(f"{counts[code]} {code}" for code in paths)
    job.say(f"{len(drawn)} texts: {shares}")
