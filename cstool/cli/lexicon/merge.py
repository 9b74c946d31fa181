"""`cstool lexicon merge`."""

import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated

import typer

from cstool import formats
from cstool.cli.job import Job
from cstool.cli.lexicon import folder
from cstool.errors import CstoolError
from cstool.records import Entry


class How(StrEnum):
    """How lexicons become one."""

    UNION = "union"
    INTERSECTION = "intersection"
    PRIORITY = "priority"


_WEIGHTED = re.compile(r"(?P<name>.+)=(?P<weight>\d+(\.\d+)?)")


def _checked(values: list[str]) -> list[str]:
    if len(values) < 2:
        raise typer.BadParameter("expected two lexicons or more")
    if not all(weight for _, weight in map(_weighted, values)):
        raise typer.BadParameter("a weight is 0, expected more")
    return values


def _weighted(value: str) -> tuple[str, float]:
    match = _WEIGHTED.fullmatch(value)
    return (match["name"], float(match["weight"])) if match else (value, 1.0)


def run(
    job: Job,
    lexicons: Annotated[
        list[str],
        typer.Argument(
            metavar="LEXICON[=WEIGHT]",
            help="Lexicons by name, folder or file, each with a weight; without, it is 1.",
            callback=_checked,
        ),
    ],
    output: folder.Output,
    how: Annotated[
        How,
        typer.Option(
            help="Translations of any lexicon, those of all of them, or for each source those of "
            "the first lexicon that has it."
        ),
    ] = How.UNION,
) -> None:
    """Make one lexicon of several.

    Each pair of languages is merged by itself. In a union the score of a translation is the
    weighted mean of one by its rank in each lexicon, 0 where it is not, over the lexicons that have
    the pair of languages; the best comes first, equal ones in the order of the lexicons. An
    intersection has only what all lexicons have, with the same scores. With priority the scores
    stay as they are. Words are written as in the first lexicon that has them.

    \b
    cstool lexicon merge muse=2 titles -o lexicons/both
    cstool lexicon merge wiki muse --how priority -o lexicons/both
    """
    names, weights = zip(*map(_weighted, lexicons), strict=True)
    if how is How.PRIORITY and any(map(_WEIGHTED.fullmatch, lexicons)):
        raise typer.BadParameter("--how priority takes no weights: the order of lexicons counts")
    from cstool.lexicons import store
    from cstool.lexicons.operations import merge

    found = [store.every_pair(store.find(name)) for name in names]
    pairs = list(dict.fromkeys(pair for files in found for pair in files))
    if how is How.INTERSECTION:
        pairs = [pair for pair in pairs if all(pair in files for files in found)]
        if not pairs:
            raise CstoolError(f"no pair of languages is in all of {', '.join(names)}")

    def merged(pair: folder.Pair) -> Iterator[Entry]:
        having = [
            (job.read(files[pair], formats.parse_entry), weight)
            for files, weight in zip(found, weights, strict=True)
            if pair in files
        ]
        return merge([entries for entries, _ in having], how, [weight for _, weight in having])

    folder.write(job, output, ((pair, merged(pair)) for pair in pairs))
