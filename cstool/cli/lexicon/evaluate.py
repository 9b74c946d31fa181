"""`cstool lexicon evaluate`."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import files, formats
from cstool.cli import options
from cstool.cli.induce_lexicon import folder as induced
from cstool.cli.job import Job
from cstool.cli.lexicon import folder
from cstool.errors import CstoolError

if TYPE_CHECKING:
    from cstool.lexicons.accuracy import Accuracy, Share


def run(
    job: Job,
    gold: Annotated[
        Path,
        typer.Argument(
            metavar="GOLD", help="The gold dictionary: TSV, or two words to a line as in MUSE."
        ),
    ],
    lexicons: folder.Lexicons,
    target_lang: induced.TargetLang,
    source_lang: induced.SourceLang = "en",
    exclude: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Pairs of words whose sources do not count, such as the seed pairs that the "
            "lexicon was made with; may be given several times.",
        ),
    ] = None,
    output: options.Output = files.STDIO,
    format: options.TableFormat = None,
) -> None:
    """Measure precision and coverage of lexicons.

    As MUSE counts: a source word of the gold dictionary is a hit at k if any of the lexicon's first
    k translations is among its gold translations. Coverage is the share of gold source words that
    the lexicon has; precision is given over these words (covered) and over all of them. Letter case
    does not count. In brackets are 95 % intervals (Wilson 1927).

    \b
    cstool lexicon evaluate muse/en-de.5000-6500.txt wiki titles --target-lang de
    cstool lexicon evaluate gold.txt clwe --target-lang de --exclude seed-pairs.txt
    """
    from cstool import tables
    from cstool.lexicons import accuracy, store

    found = {
        lexicon: store.pair(store.find(lexicon), source_lang, target_lang) for lexicon in lexicons
    }
    held_out = {
        store.source_key(pair.source)
        for path in exclude or []
        for pair in job.read(path, formats.parse_word_pair)
    }
    known = accuracy.gold(job.read(gold, formats.parse_word_pair), held_out)
    if not known:
        raise CstoolError(f"{gold}: has no word to measure with, beside those excluded")
    measured: dict[str, Accuracy] = {}
    for lexicon, (path, inverted) in found.items():
        entries = job.read(path, formats.parse_entry)
        measured[lexicon] = accuracy.evaluate(store.invert(entries) if inverted else entries, known)
    chosen = format or tables.format_of(output)
    header, *rows = _long(measured) if chosen == options.Format.TSV else _wide(measured)
    job.write(output, tables.listing(chosen, header, rows), str)
    job.counts = {"gold_sources": len(known), "excluded_sources": len(held_out)}
    job.say(f"{len(known)} source words of {gold} count")


def _shares(found: "Accuracy") -> Iterator[tuple[str, str, "Share"]]:
    from cstool.lexicons.accuracy import CUTOFFS

    yield "all", "coverage", found.coverage
    for over in ("covered", "all"):
        for cutoff in CUTOFFS:
            share = found.precision(cutoff, covered=over == "covered")
            yield over, f"precision@{cutoff}", share


def _long(measured: dict[str, "Accuracy"]) -> Iterator[list[str]]:
    yield ["lexicon", "over", "measure", "value", "low", "high", "count", "of"]
    for lexicon, found in measured.items():
        for over, measure, share in _shares(found):
            ends = share.interval
            shown = [f"{value:.6f}" for value in (share.value, ends.low, ends.high)]
            yield [lexicon, over, measure, *shown, str(share.count), str(share.of)]


def _wide(measured: dict[str, "Accuracy"]) -> Iterator[list[str]]:
    yield ["", "of", *measured]
    for shares in zip(*map(_shares, measured.values()), strict=True):
        over, measure, _ = shares[0]
        yield [measure, over, *(_cell(share) for _, _, share in shares)]
    yield ["words", "covered", *(str(found.covered) for found in measured.values())]
    yield ["words", "all", *(str(found.gold) for found in measured.values())]


def _cell(share: "Share") -> str:
    ends = share.interval
    return f"{share.value:.3f} [{ends.low:.3f}, {ends.high:.3f}]"
