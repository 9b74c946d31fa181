"""`cstool prepare`: one command for each family of datasets."""

import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cstool import console, files, formats
from cstool.cli import options
from cstool.cli.command import command
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.records import Qrel, Text

if TYPE_CHECKING:
    from cstool.datasets.collection import Collection, OneLine

_ROWS_PER_UPDATE = 1000


class Prepare(TyperGroup):
    """Lets `irds:ID` stand for `irds ID`, as other tools write it."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that the first argument names."""
        family, colon, rest = args[0].partition(":")
        return super().resolve_command(
            ctx, [family, rest, *args[1:]] if (family, colon) == ("irds", ":") else args
        )


app = typer.Typer(cls=Prepare, no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def prepare() -> None:
    """Turn a known dataset into queries, passages and qrels.

    Texts are written as TSV, one to a line: a run of whitespace within a text becomes one space.
    """


class Unit(StrEnum):
    """What a passage is."""

    PARAGRAPH = "paragraph"
    SENTENCE = "sentence"


def _folder(path: Path | None) -> Path | None:
    if path is not None:
        if path == files.STDIO or path.is_file():
            raise typer.BadParameter(f"{path} is no folder")
        files.check_output(path / "qrels.tsv")
    return path


Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="DIR", help="Folder to write to.", callback=_folder),
]
Lang = Annotated[
    str | None,
    typer.Option(
        metavar="LANG",
        help="Language of the texts, for the file names: queries.de.tsv.",
        callback=options.checked_language,
    ),
]
AllQueries = Annotated[
    bool, typer.Option("--all-queries", help="Keep queries without a judgement.")
]


@command(app, "squad")
def squad(
    job: Job,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="SQuAD's JSON, or .json.gz; - is stdin.")
    ],
    output: Output,
    lang: Lang = None,
    unit: Annotated[
        Unit, typer.Option(help="What a passage is; only XQuAD-R knows sentences.")
    ] = Unit.PARAGRAPH,
) -> None:
    """Prepare SQuAD, XQuAD or XQuAD-R.

    Paragraphs are numbered p000, p001, ..., so that all translations of a file have the same
    passage ids; sentences are p000_s00, p000_s01, ... and differ between translations. Questions
    that their paragraph does not answer (SQuAD 2.0) are left out.

    \b
    cstool prepare squad xquad-r/de.json.gz --lang de -o xquad-r
    cstool prepare squad xquad-r/de.json.gz --unit sentence -o xquad-r-sentences/de
    """
    from cstool.datasets.collection import OneLine
    from cstool.datasets.squad import collect

    one_line = OneLine()
    document = "\n".join(job.read(source, str))
    try:
        found = collect(document, one_line, sentences=unit is Unit.SENTENCE)
    except ValueError as problem:
        raise CstoolError(f"{source}: {problem}") from problem
    _write(job, output, lang, found, one_line)


@command(app, "msmarco")
def msmarco(
    job: Job,
    queries: options.Queries,
    passages: options.Passages,
    qrels: Annotated[
        Path, typer.Option(metavar="FILE", help="Judgements: qid, 0, pid, relevance.")
    ],
    output: Output,
    lang: Lang = None,
    all_queries: AllQueries = False,
) -> None:
    """Prepare MS MARCO or mMARCO.

    Queries that the judgements do not mention are left out, because nothing can be measured with
    them; --all-queries keeps them. Every query and passage that is judged has to be there.

    \b
    cstool prepare msmarco --queries german_queries.dev.tsv --passages german_collection.tsv \\
        --qrels qrels.dev.small.tsv --lang de -o mmarco
    """
    from cstool.datasets.collection import Tables
    from cstool.datasets.msmarco import complete, parse_passage, parse_qrel, parse_query

    tables = Tables()
    for path in (queries, passages, qrels):
        files.check_input(path)
    for _ in job.read(queries, lambda line: parse_query(line, tables)):
        pass
    for _ in job.read(qrels, lambda line: parse_qrel(line, tables, str(queries))):
        pass
    texts = job.read(passages, lambda line: parse_passage(line, tables))
    whole = complete(texts, tables, qrels=str(qrels), source=str(passages))
    _write(job, output, lang, tables.collection(whole, unjudged=all_queries), tables.one_line)


@command(app, "pairs")
def pairs(
    job: Job,
    output: Output,
    sources: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="JSONL with query and passage; - is stdin."),
    ] = None,
    lang: Lang = None,
) -> None:
    """Prepare question-passage pairs.

    Ids are made from the texts: q or p and the first 16 hexadecimal digits of their SHA-256.
    Equal texts get equal ids and are written once. Further keys are not kept.

    \b
    cstool prepare pairs train/en.wiki.jsonl.gz train/en.other.jsonl.gz --lang en -o pairs
    """
    from cstool.datasets.collection import OneLine
    from cstool.datasets.pairs import collect

    one_line = OneLine()
    read = [job.read(path, formats.parse_pair) for path in sources or [files.STDIO]]
    found = collect((pair for file in read for pair in file), one_line)
    _write(job, output, lang, found, one_line)


@command(app, "irds")
def irds(
    job: Job,
    name: Annotated[
        str, typer.Argument(metavar="ID", help="Its id in the catalogue, https://ir-datasets.com.")
    ],
    output: Output,
    lang: Lang = None,
    all_queries: AllQueries = False,
) -> None:
    """Prepare any dataset of ir_datasets.

    It is downloaded if it is not there yet, to ~/.ir_datasets or $IR_DATASETS_HOME. Queries that
    the judgements do not mention are left out, --all-queries keeps them.

    \b
    cstool prepare irds mmarco/v2/de/dev/small --lang de -o mmarco
    cstool prepare irds:mmarco/v2/de/dev/small --lang de -o mmarco
    """
    from cstool.datasets.collection import Tables
    from cstool.datasets.irds import Dataset

    if not console.err().is_terminal:
        os.environ.setdefault("TQDM_DISABLE", "1")  # the package shows its downloads with tqdm
    dataset, tables = Dataset.load(name), Tables()
    dataset.judge(tables)
    job.counts["ir_datasets"] = dataset.version
    texts = _tracked(dataset.passages(tables), name)
    _write(job, output, lang, tables.collection(texts, unjudged=all_queries), tables.one_line)
    strange = {qid for qid, _ in tables.grades} - tables.queries.keys()
    for count, what in ((len(strange), "queries"), (len(tables.awaited), "passages")):
        if count:
            console.warn(f"{count} {what} that are judged are not in {name}")


def _write(
    job: Job, folder: Path, lang: str | None, found: "Collection", one_line: "OneLine"
) -> None:
    """Write the three files, or none of them, and tell what is in them."""
    infix = f".{lang}" if lang else ""
    if not found.queries:
        raise CstoolError("no query with a judgement: nothing written")
    check_shared(folder, f"queries{infix}.tsv", found.qrels)
    # Passages first: as they stream they may turn out wrong, and then nothing has been written.
    text = formats.format_text_tsv
    passages = job.write(folder / f"passages{infix}.tsv", found.passages, text)
    queries = job.write(folder / f"queries{infix}.tsv", found.queries, text)
    qrels = job.write(folder / "qrels.tsv", found.qrels, formats.format_qrel)
    job.counts |= {
        "queries": queries,
        "passages": passages,
        "judgements": qrels,
        "texts_put_on_one_line": one_line.changed,
        "empty_texts": one_line.empty,
        "left_out": found.left_out,
    }
    shortened = f"{one_line.changed} texts had line breaks, tabs or spaces to spare"
    notes = [shortened] if one_line.changed else []
    notes += [f"{count} {what} left out" for what, count in found.left_out.items() if count]
    job.say("; ".join([f"{queries} queries, {passages} passages, {qrels} judgements", *notes]))
    if one_line.empty:
        console.warn(f"{one_line.empty} texts are empty")


def check_shared(folder: Path, own: str, qrels: list[Qrel]) -> None:
    """Keep the qrels of other languages: they have one file together, and must agree on it.

    CstoolError if they do not.
    """
    shared = folder / "qrels.tsv"
    others = {path.name for path in folder.glob("queries*.tsv")} - {own}
    if others and shared.exists() and list(files.read(shared, formats.parse_qrel)) != qrels:
        raise CstoolError(
            f"{shared} has other judgements, to which {min(others)} belongs: choose another folder"
        )


def _tracked(texts: Iterable[Text], name: str) -> Iterator[Text]:
    with console.progress(f"reading {name}", None) as bar:
        for count, text in enumerate(texts):
            if count % _ROWS_PER_UPDATE == 0:
                bar.update(count, f"{count} passages")
            yield text
