"""`cstool rerank`."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import console, files, formats, runfiles, runs, windows
from cstool.cli import candidates as found_in
from cstool.cli import options
from cstool.cli.candidates import ALONE, LANG, Choice, Task
from cstool.cli.job import Job, plain
from cstool.errors import CstoolError
from cstool.pairs import SETS, parse_pairs
from cstool.rerank import Pairs, Scorer, fill, pairs_of, rerank, score_examples
from cstool.scoring import Scoring
from cstool.settings import Reranking
from cstool.windows import Kept, Scores, Window

if TYPE_CHECKING:
    from cstool.crossencoder import CrossEncoder


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
    from cstool import processes
    from cstool.devices import find_device

    place = find_device(device)
    if examples:
        if queries or passages or pairs or candidates != files.STDIO:
            raise typer.BadParameter("--examples goes without texts, run and --pairs")
        _score_examples(job, examples, output, tag, how)
        return
    choice = Choice(depth, sample_queries, seed)
    tasks = _tasks(job, candidates, output, queries, passages, pairs, choice)
    writing = _Writing(depth, window, tail is Tail.KEEP, tag, resume)
    remote = workers if engine is options.Engine.RAY else 0
    if processes.count() > 1 and files.STDIO in (candidates, output):
        raise CstoolError("-: several processes need a file as --run and as --output")
    processes.join(place)
    try:
        _rerank_all(job, tasks, how, writing, remote)
    finally:
        processes.leave()


@contextmanager
def _scorer(
    how: Scoring, total: int | None, workers: int = 0
) -> Iterator[tuple["CrossEncoder", Scorer]]:
    """Load the model and show how far it is with so many pairs; some `workers` are Ray's."""
    from cstool import processes

    scorer = how.load()
    with ExitStack() as stack:
        bar = stack.enter_context(console.progress("reranking", total))
        done = 0.0

        def scored(share: float) -> None:
            nonlocal done
            done += share * processes.count()  # the others are about as far
            bar.update(done)

        def local(windows: Iterable[Pairs]) -> Iterator[Scores]:
            return how.windows(scorer, windows, scored)

        if not workers:
            yield scorer, local
            return
        from cstool import cluster

        mapped = stack.enter_context(cluster.tasks(how, workers))

        def remote(windows: Iterable[Pairs]) -> Iterator[Scores]:
            for scores in mapped(windows):
                scored(len(scores.values))
                yield scores

        yield scorer, remote


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


def _kept(job: Job, task: Task, scorer: "CrossEncoder", resume: bool) -> Kept | None:
    """Open what is kept of a run beside its output; nothing is, of a device or a pipe."""
    output = task.output
    if output == files.STDIO or (output.exists() and not output.is_file()):
        return None
    ignored = ("output", "resume", "tag", "tail", "engine", "workers")
    plan = {
        "inputs": [reading.sha256 for reading in task.job(job).inputs],
        "model": scorer.fingerprint(),
        "max_length": scorer.encoder.max_length,
        **{name: plain(value) for name, value in job.settings.items() if name not in ignored},
    }
    return Kept(output, plan, resume=resume)


@dataclass(frozen=True)
class _Writing:
    """How runs are cut into windows and written."""

    depth: int
    window: int
    keep_tail: bool
    tag: str
    resume: bool


def _rerank_all(job: Job, tasks: list[Task], how: Scoring, writing: _Writing, workers: int) -> None:
    """Score the windows of all runs, each process its share; the first one writes."""
    from cstool import processes

    first, shared = processes.rank() == 0, processes.count() > 1
    total = sum(task.candidates.content.scored for task in tasks)
    with _scorer(how, total, workers) as (scorer, score):
        for task in tasks:
            if first:
                kept = _kept(job, task, scorer, writing.resume)
            processes.wait()
            if not first:
                kept = _kept(job, task, scorer, resume=True)
            if kept and shared:
                share = (processes.rank(), processes.count())
                size, depth = writing.window, writing.depth
                fill(*_work(task), score, kept, depth=depth, size=size, share=share)
                processes.wait()
            if first:
                _rerank(job, task, kept, score, writing, scorer.encoder.max_length)


def _work(task: Task) -> tuple[runs.Run, Callable[[Window], Pairs]]:
    return task.candidates.content.run, pairs_of(task.queries.content, task.passages.content)


def _rerank(
    job: Job, task: Task, kept: Kept | None, score: Scorer, writing: _Writing, max_length: int
) -> None:
    cut = _Cut()
    source = task.candidates.content
    ranked = rerank(
        *_work(task),
        score,
        depth=writing.depth,
        keep_tail=writing.keep_tail,
        size=writing.window,
        kept=kept,
        done=cut.add,
    )
    with task.job(job) as account:
        lines = account.write(task.output, runs.lines(ranked, writing.tag), str)
        account.counts |= {
            "queries": len(source.run),
            "hits": lines,
            "scored": source.scored,
            "repeated": source.repeated,
            **cut.counts(),
        }
    if kept:
        kept.remove()
    job.say(
        f"{task.name}{': ' if task.name else ''}scored {source.scored} pairs of {len(source.run)} "
        f"queries; {cut.passages} passages and {cut.queries} queries cut at {max_length} tokens"
    )


@dataclass
class _Cut:
    """How many texts were too long."""

    passages: int = 0
    queries: int = 0

    def add(self, scores: Scores) -> None:
        self.passages += scores.truncated_passages
        self.queries += scores.truncated_queries

    def counts(self) -> dict[str, int]:
        return {"truncated_passages": self.passages, "truncated_queries": self.queries}


def _score_examples(job: Job, examples: Path, output: Path, tag: str, how: Scoring) -> None:
    """Write a run of the pairs of examples, each pair once."""
    files.check_output(output)
    found = job.read(examples, formats.parse_example)
    cut = _Cut()
    with _scorer(how, None) as (_, score):
        run = runs.by_query(score_examples(found, score, cut.add))
    lines = job.write(output, runs.lines(run.values(), tag), str)
    job.counts |= {"queries": len(run), "scored": lines, **cut.counts()}
    job.say(f"scored {lines} pairs of {len(run)} queries")
