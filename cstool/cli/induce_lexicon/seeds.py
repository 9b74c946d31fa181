"""The pairs of words that vectors are aligned by: from a file, or words that are the same."""

from pathlib import Path
from typing import TYPE_CHECKING

from cstool import console
from cstool.errors import CstoolError
from cstool.records import Entry

if TYPE_CHECKING:
    from cstool.lexicons.alignment import Pairs
    from cstool.lexicons.embeddings import Vectors

IDENTICAL = "identical"
METAVAR = f"FILE|{IDENTICAL}"
HELP = "Pairs to align by: TSV, two words to a line, or words that are the same."


def file(value: str | None) -> Path | None:
    """Give the file that the option names, None if there is none."""
    return None if value is None or value == IDENTICAL else Path(value)


def find(pairs: list[Entry] | None, source: "Vectors", target: "Vectors") -> "Pairs":
    """Look the words of pairs up in the vectors; without pairs, take words that are the same."""
    from cstool.lexicons.alignment import identical_pairs, known_pairs

    if pairs is None:
        return identical_pairs(source, target)
    return known_pairs(pairs, source, target)


def check(found: "Pairs", pairs: list[Entry] | None, source: "Vectors", target: "Vectors") -> None:
    """Complain if none was found, and warn if more would be the other way round."""
    turned = [Entry(pair.target, pair.source) for pair in pairs or []]
    other = len(find(turned, source, target))
    swapped = f"{other} would the other way round: are the languages swapped?"
    if not len(found):
        hint = f"; {swapped}" if other else ""
        raise CstoolError(f"no seed pair has both of its words among the vectors{hint}")
    if other > len(found):
        console.warn(f"{len(found)} seed pairs have both words among the vectors, {swapped}")
