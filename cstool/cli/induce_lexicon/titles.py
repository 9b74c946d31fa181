"""`cstool induce-lexicon titles`."""

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import console, files, formats
from cstool.cli import options
from cstool.cli.induce_lexicon import folder
from cstool.cli.job import Job, Opened
from cstool.errors import CstoolError
from cstool.settings import Titles

if TYPE_CHECKING:
    from cstool.lexicons.titles import Harvest

_PLACE = "{lang}"
_TABLES = ("page", "langlinks")
_SQL = re.compile(rb"-- |--\n|/\*|(?:DROP|CREATE) TABLE |INSERT INTO ")
_EXPECTED = "expected TSV, Linguatools' XML, or the two dumps page and langlinks"


class Case(StrEnum):
    """How the first letter of a translation is written."""

    RUNNING = "running"
    TITLE = "title"


def _checked_rules(value: str | None) -> str | None:
    from cstool.lexicons.titlerules import RULES

    if unknown := set(_split(value)) - set(RULES):
        raise typer.BadParameter(f"no rule {min(unknown)}; there are {', '.join(RULES)}")
    return value


def _checked_mirror(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise typer.BadParameter(f"{value}: expected an http or https URL")
    return value.rstrip("/")


def _checked_date(value: str) -> str:
    if not re.fullmatch(r"latest|\d{8}", value):
        raise typer.BadParameter(f"{value}: expected the date of a dump as 20260101, or latest")
    return value


def _split(value: str | None) -> list[str]:
    return value.split(",") if value else []


def run(
    job: Job,
    langs: folder.Langs,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[FILE]...",
            help="TSV, Linguatools' XML, or two SQL dumps: page and langlinks. Default: stdin.",
            show_default=False,
        ),
    ] = None,
    source_lang: folder.SourceLang = "en",
    output: folder.Output = files.STDIO,
    max_words: Annotated[
        int, typer.Option(min=1, help="Leave out longer source titles.")
    ] = Titles.max_words,
    keep_identical: folder.KeepIdentical = True,
    keep: Annotated[
        str | None,
        typer.Option(
            metavar="RULES",
            help="Rules that are not to hold, such as list,number: namespace, list, "
            "disambiguation, number, unmatchable, long, stop-word, ambiguous, common-word, "
            "variant.",
            callback=_checked_rules,
        ),
    ] = None,
    common_words: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Words, one to a line, that a title in parentheses is never about. "
            "Default: those of the shipped lexicon.",
        ),
    ] = None,
    case: Annotated[
        Case,
        typer.Option(help="Write translations as within a sentence, or as titles."),
    ] = Case.RUNNING,
    case_from: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Text to learn from which words have capitals, with {lang} for the language. "
            "The titles themselves are always learnt from.",
        ),
    ] = None,
    download: Annotated[
        bool, typer.Option("--download", help="Fetch the dumps of the source language's Wikipedia.")
    ] = False,
    dump_date: Annotated[
        str,
        typer.Option(
            metavar="DATE", help="Which dump: 20260101, or latest.", callback=_checked_date
        ),
    ] = "latest",
    dumps: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where dumps are kept. Default: cstool/dumps in $XDG_CACHE_HOME, or in ~/.cache.",
        ),
    ] = None,
    mirror: Annotated[
        str,
        typer.Option(metavar="URL", help="Whence the dumps are fetched.", callback=_checked_mirror),
    ] = "https://dumps.wikimedia.org",
) -> None:
    """Make a lexicon from titles of encyclopedia articles.

    FILE is TSV (the title, then the article's titles in the languages of --langs), the XML of
    Linguatools' Wikipedia parallel titles, or, in any order, a Wikipedia's dumps page.sql.gz and
    langlinks.sql.gz, which --download fetches.

    A disambiguation in parentheses is taken away. What cannot be a translation is left out by the
    rules that --keep names; the summary counts by rule.

    \b
    cstool induce-lexicon titles --download --langs de,it,nl,ru,ar -o lexicons/wiki
    cstool induce-lexicon titles en-de.titles.tsv --langs de -o lexicons/titles
    """
    if download and sources:
        raise typer.BadParameter("--download and FILE: expected one of them")
    from cstool.lexicons import commonwords
    from cstool.lexicons.dictionaries import Account
    from cstool.lexicons.titlerules import Rules
    from cstool.lexicons.titles import Harvest

    languages = options.languages(langs)
    paths = folder.pair_files(output, source_lang, languages)
    texts = _texts(case_from, languages)
    stop_words = commonwords.stop_words(source_lang)
    common = _common_words(job, common_words, source_lang)
    inputs = sources or [files.STDIO]
    if download:
        inputs = _fetched(job, f"{source_lang}wiki", dumps, dump_date, mirror)
    lexicons = {}
    with ExitStack() as stack:
        harvest = Harvest(source_lang, languages, lambda: stack.enter_context(files.scratch()))
        _gather(job, inputs, harvest)
        for language, path in texts.items():
            for line in job.read(path, str):
                harvest.casing[language].see_text(line)
        for language in languages:
            rules = Rules(
                source_lang=source_lang,
                target_lang=language,
                max_words=max_words,
                stop_words=stop_words,
                common=common,
                keep=_split(keep),
                keep_identical=keep_identical,
                running_case=case is Case.RUNNING,
            )
            account = Account()
            lexicons[language] = (harvest.entries(rules, account), account)
        folder.write_all(job, source_lang, paths, lexicons)


def _texts(pattern: str | None, languages: Sequence[str]) -> dict[str, Path]:
    if pattern is None:
        return {}
    if _PLACE not in pattern and len(languages) > 1:
        raise typer.BadParameter(f"{pattern}: expected {_PLACE} where the language stands")
    texts = {language: Path(pattern.replace(_PLACE, language)) for language in languages}
    for path in texts.values():
        files.check_input(path)
    return texts


def _common_words(job: Job, path: Path | None, language: str) -> frozenset[str]:
    from cstool import words
    from cstool.lexicons import commonwords, store

    if path is not None:
        return frozenset(words.key(line.strip()) for line in job.read(path, str))
    name = store.file_name("en", "de" if language == "en" else language)
    shipped = store.SHIPPED / "wiki" / name
    entries = files.read(shipped, formats.parse_entry) if shipped.exists() else ()
    return commonwords.common_words(language, entries)


def _fetched(job: Job, wiki: str, folder: Path | None, date: str, mirror: str) -> list[Path]:
    from cstool.lexicons import dumps

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = folder or cache / "cstool" / "dumps"
    job.say(f"fetching the dumps {' and '.join(_TABLES)} of {wiki} from {mirror} to {folder}")
    with ExitStack() as stack:
        bars: dict[str, console.Bar] = {}

        def tell(name: str, done: int, total: int) -> None:
            if name not in bars:
                bars[name] = stack.enter_context(console.progress(f"fetching {name}", total))
            bars[name].update(done)

        return dumps.fetch(wiki, _TABLES, folder, tell, date=date, mirror=mirror)


def _gather(job: Job, paths: Sequence[Path], harvest: "Harvest") -> None:
    from cstool.lexicons import titles, wikititles
    from cstool.lexicons.wikipedia import Pages

    with ExitStack() as stack:
        opened = [stack.enter_context(job.opened(path)) for path in paths]
        kinds = [_kind(one) for one in opened]
        inputs = dict(zip(kinds, opened, strict=True))
        languages, index = harvest.languages, harvest.index
        if sorted(kinds) == sorted(_TABLES):
            with _named(inputs["page"]):
                pages = Pages(inputs["page"].blocks(), index)
            links = inputs["langlinks"]
            with _named(links):
                harvest.take(pages.links(links.blocks(), languages, harvest.left_out))
        elif kinds == ["XML"]:
            blocks = inputs["XML"].blocks()
            with _named(inputs["XML"]):
                harvest.take(wikititles.links(blocks, harvest.source_lang, languages, index))
        elif kinds == ["TSV"]:
            parse = partial(formats.parse_titles, columns=1 + len(languages))
            harvest.take(titles.links(inputs["TSV"].records(parse), languages, index))
        else:
            found = zip(paths, kinds, strict=True)
            told = " and ".join(f"{path} ({kind})" for path, kind in found)
            raise CstoolError(f"{told}: {_EXPECTED}")


def _kind(opened: Opened) -> str:
    """Tell TSV, XML and the tables of SQL dumps apart by the first bytes of a file."""
    from cstool.lexicons import sqldump

    head = opened.head().lstrip()
    if not head:
        raise CstoolError(f"{opened.reading.path}: is empty, {_EXPECTED}")
    if head.startswith((b"<", b"\xef\xbb\xbf<")):
        return "XML"
    if _SQL.match(head):
        return sqldump.table(head) or "SQL"
    return "TSV"


@contextmanager
def _named(opened: Opened) -> Iterator[None]:
    """Say of which file a problem is."""
    try:
        yield
    except ValueError as problem:
        raise CstoolError(f"{opened.reading.path}: {problem}") from problem
