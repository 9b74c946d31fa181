"""`cstool report`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cstool import console, files, formats, runfiles
from cstool.cli import judgements
from cstool.cli.job import Job
from cstool.cli.judgements import LANG
from cstool.errors import CstoolError
from cstool.measures import parse

if TYPE_CHECKING:
    from cstool.report.samples import Sample
    from cstool.results import Results


def run(
    job: Job,
    results: Annotated[
        Path,
        typer.Argument(metavar="RESULTS.json", help="What `cstool evaluate -o FILE.json` wrote."),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - is stdout.")
    ] = files.STDIO,
    title: Annotated[str, typer.Option(help="Heading of the page.")] = "Evaluation",
    runs: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FOLDER",
            help="Runs, as for evaluate: the queries can be looked at. Needs --qrels.",
        ),
    ] = None,
    qrels: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Judgements; {LANG} is the passages' language."),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Texts of the queries, with {LANG} for the language."),
    ] = None,
    passages: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Texts of the passages, with {LANG} for the language."),
    ] = None,
    shown: Annotated[
        int, typer.Option(metavar="N", min=1, help="Queries of every pair that can be looked at.")
    ] = 20,
    depth: Annotated[
        int, typer.Option(metavar="N", min=1, help="Passages of every system that are shown.")
    ] = 5,
    examples: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Training examples of `codeswitch --mark`; several times."
        ),
    ] = None,
    samples: Annotated[
        int, typer.Option(metavar="N", min=1, help="Examples of every such file that are shown.")
    ] = 6,
    models: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", help="Models in SYSTEM/SEED: their training curves are drawn."
        ),
    ] = None,
) -> None:
    """Write tables and pictures of an evaluation as one HTML page.

    The page needs no network and no other file. It has the tables, which can be sorted; groups with
    their intervals; heat maps of the language pairs of every system and of its differences to the
    baseline; curves of ratios (systems named as ratio-0.25) and of trainings. With --runs, the
    queries on which systems differ most can be looked at, with the passages of two systems side by
    side. With --examples, it shows code-switched training examples.

    \b
    cstool evaluate qrels.tsv runs --baseline zero-shot --intervals -o results.json
    cstool report results.json -o report.html
    cstool report results.json -o report.html --runs runs --qrels qrels.tsv \\
      --queries 'queries.{lang}.tsv' --passages 'passages.{lang}.tsv' \\
      --examples train/ml-cs.jsonl --models models
    """
    if bool(runs) != bool(qrels):
        raise typer.BadParameter("--runs and --qrels go together")
    if (queries or passages) and not runs:
        raise typer.BadParameter("--queries and --passages belong to --runs")
    from cstool.report import curves
    from cstool.report.page import Content, page
    from cstool.report.samples import samples as choose

    files.check_output(output)
    found = judgements.results(job, results)
    if not found.tables:
        raise CstoolError(f"{results}: holds no table")
    switched: dict[str, list[Sample]] = {}
    for path in examples or []:
        name = path.name.removesuffix(".gz").removesuffix(".jsonl")
        switched[name] = choose(job.read(path, formats.parse_example), samples)
        if not switched[name]:
            console.warn(f"{path}: no example is marked; `cstool codeswitch --mark` does that")
    content = Content(
        title,
        _browser(job, found, runs, qrels, queries, passages, shown, depth)
        if runs and qrels
        else None,
        {name: some for name, some in switched.items() if some},
        curves.losses(models) if models else {},
    )
    text = page(found, content)
    job.write_blocks(output, [text.encode()])
    job.counts = {
        "tables": len(found.tables),
        "pairs": len(content.browser["pairs"]) if content.browser else 0,
        "samples": sum(map(len, content.samples.values())),
        "trainings": len(content.losses),
        "bytes": len(text.encode()),
    }
    job.say(f"{len(found.tables)} tables, {len(text.encode()) // 1000:,} kB")


def _browser(
    job: Job,
    results: "Results",
    paths: list[Path],
    qrels: Path,
    queries: Path | None,
    passages: Path | None,
    shown: int,
    depth: int,
) -> Mapping[str, Any]:
    """Read the runs of the systems of the first table, one seed of each, and their texts."""
    from cstool.report.browser import Browser

    table = results.tables[0]
    systems = [row.system for row in table.rows if not row.reference]
    seeds: dict[tuple[str, tuple[str, str]], runfiles.RunFile] = {}
    for file in runfiles.find(paths):
        if file.system in systems:
            seeds.setdefault((file.system, file.pair), file)
    if not seeds:
        raise CstoolError("none of the runs is of a system of the results")
    judged = judgements.JudgementFiles(job, qrels)
    browser = Browser(parse(table.measure), shown, depth)
    for file in seeds.values():
        browser.add(file, job.read(file.path, formats.parse_hit), judged.of(file.pair))

    def texts(path: Path | None, kind: str, language: str) -> Mapping[str, str]:
        if path is None:
            return {}
        return job.read_texts(judgements.in_language(path, language), kind)

    data = browser.data(
        lambda language: texts(queries, "query", language),
        lambda language: texts(passages, "passage", language),
    )
    others = [name for name in systems if name != table.baseline]
    order = [column.pair for column in table.columns]
    data["pairs"].sort(
        key=lambda one: order.index(pair) if (pair := tuple(one["pair"])) in order else 0
    )
    # What differs between languages is seen best where there are two.
    first = next((one["pair"] for one in data["pairs"] if len(set(one["pair"])) > 1), None)
    return {
        **data,
        "left": table.baseline or systems[0],
        "right": (others or systems)[0],
        "first": "-".join(first or data["pairs"][0]["pair"]),
    }
