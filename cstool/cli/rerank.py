"""`cstool rerank`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cstool import files, runfiles, windows
from cstool.cli import candidates as found_in
from cstool.cli import options, reranking
from cstool.cli.candidates import ALONE, LANG, Choice, Task
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.pairs import SETS, parse_pairs
from cstool.scoring import Scoring
from cstool.settings import Reranking


class Tail(StrEnum):
    """What becomes of the hits below the depth."""

    KEEP = "keep"
    DROP = "drop"


def _checked_pairs(value: str | None) -> str | None:
    if value is not None:
        try:
            parse_pairs(value)
        except ValueError as problem:
            raise typer.BadParameter(str(problem)) from problem
    return value


def run(
    job: Job,
    model: options.Model,
    queries: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Queries: TSV (id, text) or JSONL. With --pairs: queries.{LANG}.tsv.",
        ),
    ] = None,
    passages: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help=f"Passages: TSV (id, text) or JSONL. With --pairs: passages.{LANG}.tsv.",
        ),
    ] = None,
    examples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Score the pairs of training examples, which have their texts, instead of a run: "
            "for train --teacher-scores.",
        ),
    ] = None,
    candidates: Annotated[
        Path,
        typer.Option(
            "--run",
            metavar="FILE|FOLDER",
            help="The run to rerank (TREC), or, without --queries and --passages, lines of qid, "
            "pid, query, passage (TSV, as MS MARCO's top1000.dev); - is stdin. With --pairs: one "
            "run for all, or a folder with QLANG-DLANG.trec.",
        ),
    ] = files.STDIO,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE|FOLDER",
            help="Where to write; - is stdout, .gz packs. With --pairs: the folder that gets "
            "QLANG-DLANG.trec.",
        ),
    ] = files.STDIO,
    pairs: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Rerank for each of these pairs of languages: en-de,xx6-en. "
            f"Named sets: {', '.join(SETS)}.",
            callback=_checked_pairs,
        ),
    ] = None,
    depth: Annotated[
        int, typer.Option(min=1, help="Hits of each query that are scored.")
    ] = Reranking.depth,
    tail: Annotated[
        Tail, typer.Option(help="Hits below the depth: stay below in their order, or go.")
    ] = Tail.KEEP,
    sample_queries: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Rerank N queries alone, drawn by --seed."),
    ] = None,
    seed: options.Seed = Reranking.seed,
    batch_tokens: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens computed at once. Default: what the device likes."),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(min=1, help="Pairs computed at once. Default: no limit.")
    ] = None,
    window: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="Pairs sorted by length together, and kept for --resume."
        ),
    ] = windows.PAIRS,
    max_length: Annotated[
        int | None, typer.Option(min=8, help="Tokens of a pair. Default: as it was trained.")
    ] = None,
    passage_windows: Annotated[
        bool,
        typer.Option(
            "--passage-windows",
            help="Score a passage that is too long by overlapping parts; the best one counts.",
        ),
    ] = False,
    init_head: Annotated[
        bool,
        typer.Option("--init-head", help="Draw the classifier at random if the model has none."),
    ] = False,
    precision: Annotated[
        options.Number,
        typer.Option(help="Of the encoder. auto: 16 bits where the device is fast in them."),
    ] = options.Number.AUTO,
    device: options.Device = "auto",
    engine: Annotated[
        options.Engine,
        typer.Option(
            help="ray: windows are scored on the CPUs of the Ray cluster that RAY_ADDRESS names, "
            "or of one on this machine."
        ),
    ] = options.Engine.LOCAL,
    workers: options.Workers = 1,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the windows that a killed run left behind."),
    ] = False,
    tag: options.Tag = "cstool",
) -> None:
    """Give the hits of a run new scores.

    The order of the run that comes in has no influence on the one that goes out: candidates are
    put into an order by hash before they are scored, and equal scores are ordered by passage id.
    With --pairs one call, which loads the model once, reranks for many pairs of languages.

    \b
    cstool rerank model --queries q.de.tsv --passages p.en.tsv < bm25.trec > de-en.trec
    cstool rerank model --queries 'q.{lang}.tsv' --passages 'p.{lang}.tsv' --pairs paper \\
        --run bm25.trec -o runs/ml-cs/1
    cstool rerank model --run top1000.dev.tsv -o dev.trec --resume
    cstool rerank english --examples train.jsonl -o teacher.trec
    """
    how = Scoring(
        model,
        max_length=max_length,
        device=device,
        dtype=precision.value,
        init_head=init_head,
        batch_size=batch_size,
        batch_tokens=batch_tokens,
        passage_windows=passage_windows,
    )
    if resume and (output == files.STDIO or examples):
        raise typer.BadParameter("--resume needs a run and a file as --output")
    if workers > 1 and engine is options.Engine.LOCAL:
        raise typer.BadParameter("--workers are Ray's: give --engine ray, or start torchrun")
    from cstool import processes
    from cstool.devices import find_device

    place = find_device(device)
    if examples:
        if queries or passages or pairs or candidates != files.STDIO:
            raise typer.BadParameter("--examples goes without texts, run and --pairs")
        if (depth, tail, window, sample_queries) != (
            Reranking.depth,
            Tail.KEEP,
            windows.PAIRS,
            None,
        ):
            raise typer.BadParameter(
                "--examples scores all pairs: it goes without --depth, --tail, --window and "
                "--sample-queries"
            )
        if engine is options.Engine.RAY or processes.count() > 1:
            raise typer.BadParameter("--examples is for one process, without Ray and torchrun")
        reranking.run_on_examples(job, examples, output, tag, how)
        return
    choice = Choice(depth, sample_queries, seed)
    tasks = _tasks(job, candidates, output, queries, passages, pairs, choice)
    writing = reranking.Writing(depth, window, tail is Tail.KEEP, tag, resume)
    remote = workers if engine is options.Engine.RAY else 0
    if processes.count() > 1 and files.STDIO in (candidates, output):
        raise CstoolError("-: several processes need a file as --run and as --output")
    processes.join(place)
    try:
        reranking.run(job, tasks, how, writing, remote)
    finally:
        processes.leave()


def _tasks(
    job: Job,
    candidates: Path,
    output: Path,
    queries: Path | None,
    passages: Path | None,
    pairs: str | None,
    choice: Choice,
) -> list[Task]:
    if queries is None and passages is None and pairs is None:
        return [found_in.with_texts(job, candidates, output, choice)]
    if not queries or not passages:
        raise typer.BadParameter("--queries and --passages go together")
    for option, path in (("--queries", queries), ("--passages", passages)):
        if (LANG in str(path)) != (pairs is not None):
            raise typer.BadParameter(f"{option} {path}: {LANG} and --pairs go together")
    if pairs is None:
        return found_in.tasks(job, {ALONE: candidates}, {ALONE: output}, queries, passages, choice)
    if output == files.STDIO:
        raise typer.BadParameter("--pairs writes several runs: name their folder with --output")
    chosen = parse_pairs(pairs)
    outputs = {pair: output / f"{'-'.join(pair)}.trec" for pair in chosen}
    found = runfiles.of_pairs(candidates, chosen)
    return found_in.tasks(job, found, outputs, queries, passages, choice)
