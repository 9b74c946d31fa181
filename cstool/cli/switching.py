"""What commands that switch texts have in common: from their options to a switcher."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import formats
from cstool.cli import options
from cstool.cli.job import Job, plain
from cstool.records import Entry
from cstool.settings import SWITCHINGS, Switching

if TYPE_CHECKING:
    from cstool.codeswitch import Switcher


class Preset(StrEnum):
    """Whose choices hold where no option is given: the paper's systems."""

    BL_CS = "bl-cs"
    ML_CS = "ml-cs"
    WIKI_CS = "wiki-cs"


class Per(StrEnum):
    """How often a language is drawn."""

    SPAN = "span"
    TEXT = "text"


class RatioOf(StrEnum):
    """What the ratio is a share of."""

    MATCHED = "matched"
    ALL = "all"


class Choice(StrEnum):
    """Which of several translations is taken."""

    BEST = "best"
    WEIGHTED = "weighted"


def _checked_pattern(value: str | None) -> str | None:
    try:
        re.compile(value or "")
    except re.error as problem:
        raise typer.BadParameter(f"{value!r} is no regular expression: {problem}") from problem
    return value


@dataclass(frozen=True)
class Options:
    """The options of code-switching, the same wherever it is done."""

    preset: Annotated[
        Preset | None,
        typer.Option(
            help="The paper's choices for the options below. bl-cs: one language on each side; "
            "ml-cs: several; wiki-cs: --ratio 1 --per text --skip-stopwords --max-phrase 3, the "
            "source language among those drawn. Options given win."
        ),
    ] = None
    ratio: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the words to replace.  [default: 0.5]"),
    ] = None
    query_ratio: Annotated[
        float | None, typer.Option(min=0, max=1, help="The same for the query side alone.")
    ] = None
    passage_ratio: Annotated[
        float | None, typer.Option(min=0, max=1, help="The same for the passage side alone.")
    ] = None
    ratio_of: Annotated[
        RatioOf | None,
        typer.Option(
            help="matched: of the words that the lexicon knows. all: of all words; then more of "
            "those that it knows are replaced.  [default: matched]"
        ),
    ] = None
    langs: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Languages to switch to, for both sides: de or de,it,ru, or with weights "
            "de=2,ru=1. Default: all there are.",
            callback=options.checked_weights,
        ),
    ] = None
    query_lang: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="The same for the query side alone; the source language leaves it as it is.",
            callback=options.checked_weights,
        ),
    ] = None
    passage_lang: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="The same for the passage side alone.",
            callback=options.checked_weights,
        ),
    ] = None
    source_lang: Annotated[
        str,
        typer.Option(
            metavar="LANG", help="Language of the texts.", callback=options.checked_language
        ),
    ] = "en"
    per: Annotated[
        Per | None,
        typer.Option(
            help="Draw a language for every replaced span, or once per text.  [default: span]"
        ),
    ] = None
    choice: Annotated[
        Choice | None,
        typer.Option(
            help="Of several translations take the best, or draw one by its score.  [default: best]"
        ),
    ] = None
    skip_stopwords: Annotated[
        bool | None,
        typer.Option(
            "--skip-stopwords/--no-skip-stopwords",
            help="Leave stop words, unless in a phrase.  [default: no-skip-stopwords]",
        ),
    ] = None
    max_phrase: Annotated[
        int | None, typer.Option(min=1, max=8, help="Words that a phrase may have.  [default: 8]")
    ] = None
    protect: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Replace nothing that matches this, besides URLs, addresses and numbers.",
            callback=_checked_pattern,
        ),
    ] = None
    keep_english: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Share of the records to leave as they are.  [default: 0]"),
    ] = None

    def are_given(self) -> bool:
        """Tell whether any of them has been given."""
        return self != Options(source_lang=self.source_lang)

    def settings(self, seed: int) -> Switching:
        """Give the choices of the preset, or the defaults, but for those that are given."""
        if None not in (self.ratio, self.query_ratio, self.passage_ratio):
            raise typer.BadParameter(
                "--ratio has no effect beside --query-ratio and --passage-ratio"
            )
        known = {field.name for field in fields(Switching)}
        given = {name: value for name, value in vars(self).items() if name in known}
        chosen = {name: plain(value) for name, value in given.items() if value is not None}
        start = SWITCHINGS[self.preset] if self.preset else Switching()
        return replace(start, **chosen, seed=seed)


def switcher(job: Job, lexicon: str, given: Options, settings: Switching) -> "Switcher":
    """Load the lexicon and make what switches texts by it."""
    source_lang, langs = given.source_lang, given.langs
    query_lang, passage_lang = given.query_lang, given.passage_lang
    if langs and query_lang and passage_lang:
        raise typer.BadParameter("--langs has no effect beside --query-lang and --passage-lang")
    from cstool.codeswitch import Switcher, without_stopwords
    from cstool.lexicons import store

    found = store.pairs(store.find(lexicon), source=source_lang)
    every = ([source_lang] if settings.source_too else []) + list(found)
    both = options.weights(langs) or dict.fromkeys(every, 1.0)
    sides = {
        "query": options.weights(query_lang) or both,
        "passage": options.weights(passage_lang) or both,
    }
    if langs or not (query_lang or passage_lang):
        sides["text"] = both
    if settings.one_language and any(len(side) > 1 for side in sides.values()):
        raise typer.BadParameter("--preset bl-cs has one language on each side: name it")

    def index(entries: Iterator[Entry]) -> store.Table:
        if settings.skip_stopwords:
            entries = without_stopwords(entries, source_lang)
        several = settings.choice == "weighted"
        return store.Table.of(entries, max_words=settings.max_phrase, several=several)

    targets = sorted({name for side in sides.values() for name in side} - {source_lang})
    tables = store.load(found, targets, lambda path: job.read(path, formats.parse_entry), index)
    of_side = {"query": settings.query_ratio, "passage": settings.passage_ratio}
    ratios = {side: of_side.get(side) for side in sides}
    return Switcher(
        tables,
        sides,
        {side: settings.ratio if ratio is None else ratio for side, ratio in ratios.items()},
        settings.seed,
        per=settings.per,
        source=source_lang,
        ratio_of=settings.ratio_of,
        choice=settings.choice,
        keep_english=settings.keep_english,
        protect=settings.protect,
    )
