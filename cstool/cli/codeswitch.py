"""`cstool codeswitch`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cstool import files, formats
from cstool.cli import options
from cstool.cli.job import Job
from cstool.settings import Switching


class Per(StrEnum):
    """How often a language is drawn."""

    SPAN = "span"
    TEXT = "text"


def run(
    job: Job,
    source: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="Training examples, queries or passages; - is stdin."),
    ] = files.STDIO,
    output: options.Output = files.STDIO,
    lexicon: Annotated[
        str, typer.Option(metavar="NAME|PATH", help="A lexicon by name, its folder, or one file.")
    ] = "wiki",
    ratio: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the words to replace.")
    ] = Switching.ratio,
    langs: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Languages to switch to, for both sides: de or de,it,ru. Default: all there are.",
            callback=options.checked_languages,
        ),
    ] = None,
    query_lang: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="The same for the query side alone; en leaves it as it is.",
            callback=options.checked_languages,
        ),
    ] = None,
    passage_lang: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="The same for the passage side alone; en leaves it as it is.",
            callback=options.checked_languages,
        ),
    ] = None,
    per: Annotated[
        Per, typer.Option(help="Draw a language for every replaced span, or once per text.")
    ] = Per.SPAN,
    seed: options.Seed = Switching.seed,
) -> None:
    """Replace words by their translations.

    A share of the words, given by --ratio, is replaced by what a bilingual lexicon has for them.
    One language per side is bilingual code-switching, several are multilingual. Equal input,
    options and seed give equal bytes, in whatever order the records come.

    \b
    cstool codeswitch --lexicon wiki --ratio 0.5 < train.jsonl > switched.jsonl
    cstool codeswitch train.jsonl.gz --lexicon muse --query-lang en --passage-lang de -o bl.jsonl
    """
    if langs and query_lang and passage_lang:
        raise typer.BadParameter("--langs has no effect beside --query-lang and --passage-lang")
    from cstool.codeswitch import Switcher, codeswitch
    from cstool.lexicons import store

    found = store.pairs(store.find(lexicon), source="en")
    both = options.languages(langs) or tuple(found)
    sides = {
        "query": options.languages(query_lang) or both,
        "passage": options.languages(passage_lang) or both,
    }
    if langs or not (query_lang or passage_lang):
        sides["text"] = both
    targets = sorted({name for side in sides.values() for name in side} - {"en"})
    tables = store.load(found, targets, lambda path: job.read(path, formats.parse_entry))
    switcher = Switcher(tables, sides, ratio=ratio, seed=seed, per=per)
    records = job.read(source, formats.parse_record)
    count = job.write(output, codeswitch(records, switcher), formats.format_record)
    job.counts = {"records": count} | {
        side: account.summary() for side, account in sorted(switcher.accounts.items())
    }
    shares = ", ".join(
        f"{sum(account.replaced.values())} of {account.words} {side} words"
        for side, account in sorted(switcher.accounts.items())
    )
    job.say(f"{count} records; replaced {shares or 'nothing'}")
