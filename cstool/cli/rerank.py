"""`cstool rerank`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Annotated, Generic, TypeVar

import typer

from cstool import console, files, formats, runfiles, runs
from cstool.cli import options
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.pairs import SETS, parse_pairs
from cstool.settings import Reranking

LANG = "{lang}"  # in a path: the language of its texts
_ALONE = (runfiles.UNKNOWN, runfiles.UNKNOWN)  # without --pairs
Languages = tuple[str, str]  # of the queries, of the passages
Content = TypeVar("Content")


class Tail(StrEnum):
    """What becomes of the hits below the depth."""

    KEEP = "keep"
    DROP = "drop"


@dataclass(frozen=True)
class Candidates:
    """A run to rerank; `pids` and `scored` are of the hits down to the depth."""

    run: runs.Run
    pids: set[str]
    scored: int
    repeated: int


@dataclass(frozen=True)
class Source(Generic[Content]):
    """What a file holds, how it was read, and how many wrong lines were left out."""

    content: Content
    reading: files.Reading
    rejected: int


@dataclass(frozen=True)
class Task:
    """One run to rerank, all that it takes, and where the result goes."""

    name: str
    candidates: Source[Candidates]
    queries: Source[dict[str, str]]
    passages: Source[dict[str, str]]
    output: Path

    def job(self, whole: Job) -> Job:
        """Begin the account of this task alone."""
        sources = (self.candidates, self.queries, self.passages)
        rejected = sum(source.rejected for source in sources)
        return Job(
            whole.command,
            whole.settings,
            counts={"rejected": rejected} if whole.rejects else {},
            inputs=[source.reading for source in sources],
        )


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
            help="The run to rerank (TREC); - is stdin. With --pairs: one run for all, or a "
            "folder with QLANG-DLANG.trec.",
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
    batch_size: options.BatchSize = Reranking.batch_size,
    max_length: Annotated[
        int | None, typer.Option(min=8, help="Tokens of a pair. Default: as it was trained.")
    ] = None,
    precision: options.Precision = options.Number.AUTO,
    device: options.Device = "auto",
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
    cstool rerank english --examples train.jsonl -o teacher.trec
    """
    if examples:
        if queries or passages or pairs or candidates != files.STDIO:
            raise typer.BadParameter("--examples goes without texts, run and --pairs")
        _score_examples(
            job, examples, output, tag, model, batch_size, max_length, precision, device
        )
        return
    if not queries or not passages:
        raise typer.BadParameter("--queries and --passages, or --examples: expected their texts")
    for option, path in (("--queries", queries), ("--passages", passages)):
        if (LANG in str(path)) != (pairs is not None):
            raise typer.BadParameter(f"{option} {path}: {LANG} and --pairs go together")
    if pairs is None:
        tasks = _tasks(job, {_ALONE: candidates}, {_ALONE: output}, queries, passages, depth)
    elif output == files.STDIO:
        raise typer.BadParameter("--pairs writes several runs: name their folder with --output")
    else:
        chosen = parse_pairs(pairs)
        outputs = {pair: output / f"{'-'.join(pair)}.trec" for pair in chosen}
        found = runfiles.of_pairs(candidates, chosen)
        tasks = _tasks(job, found, outputs, queries, passages, depth)
    from cstool.crossencoder import CrossEncoder
    from cstool.rerank import rerank

    scorer = CrossEncoder.load(model, max_length=max_length, device=device, dtype=precision.value)
    encoder = scorer.encoder
    total = sum(task.candidates.content.scored for task in tasks)
    with console.progress("reranking", total) as bar:
        done, name = 0, ""

        def score(texts: Sequence[tuple[str, str]]) -> Sequence[float]:
            nonlocal done
            scores = scorer.logits(
                texts, batch_size=batch_size, scored=lambda count: bar.update(done + count, name)
            )
            done += len(texts)
            return scores

        for task in tasks:
            name = task.name
            encoder.truncated_passages = encoder.truncated_queries = 0
            source = task.candidates.content
            ranked = rerank(
                source.run,
                task.queries.content,
                task.passages.content,
                score,
                depth=depth,
                keep_tail=tail is Tail.KEEP,
            )
            with task.job(job) as part:
                lines = part.write(task.output, runs.lines(ranked, tag), str)
                part.counts |= {
                    "queries": len(source.run),
                    "hits": lines,
                    "scored": source.scored,
                    "repeated": source.repeated,
                    "truncated_passages": encoder.truncated_passages,
                    "truncated_queries": encoder.truncated_queries,
                }
            job.say(
                f"{name}{': ' if name else ''}scored {source.scored} pairs of {len(source.run)} "
                f"queries; {encoder.truncated_passages} passages and {encoder.truncated_queries} "
                f"queries cut at {encoder.max_length} tokens"
            )


def _score_examples(
    job: Job,
    examples: Path,
    output: Path,
    tag: str,
    model: str,
    batch_size: int,
    max_length: int | None,
    precision: options.Number,
    device: str,
) -> None:
    """Write a run of the pairs of examples, each pair once."""
    files.check_output(output)
    found = job.read(examples, formats.parse_example)
    from cstool.crossencoder import CrossEncoder
    from cstool.rerank import score_examples

    scorer = CrossEncoder.load(model, max_length=max_length, device=device, dtype=precision.value)
    hits = score_examples(found, partial(scorer.logits, batch_size=batch_size))
    run = runs.by_query(hits)
    lines = job.write(output, runs.lines(run.values(), tag), str)
    cut = {
        "truncated_passages": scorer.encoder.truncated_passages,
        "truncated_queries": scorer.encoder.truncated_queries,
    }
    job.counts |= {"queries": len(run), "scored": lines, **cut}
    job.say(f"scored {lines} pairs of {len(run)} queries")


def _tasks(
    job: Job,
    found: Mapping[Languages, Path],
    outputs: Mapping[Languages, Path],
    queries: Path,
    passages: Path,
    depth: int,
) -> list[Task]:
    """Check all files, then read each once, of its texts those that some run needs."""
    for path in found.values():
        files.check_input(path)
    for query, passage in found:
        files.check_input(_of_language(queries, query))
        files.check_input(_of_language(passages, passage))
    for path in outputs.values():
        files.check_output(path)
        if job.rejects and path.resolve() == job.rejects.resolve():
            raise CstoolError(f"{path}: wrong lines go there, it can be nothing else")
    read = {path: _read_candidates(job, path, depth) for path in dict.fromkeys(found.values())}
    qids: dict[str, set[str]] = {}
    pids: dict[str, set[str]] = {}
    for (query, passage), path in found.items():
        qids.setdefault(query, set()).update(read[path].content.run)
        pids.setdefault(passage, set()).update(read[path].content.pids)
    query_texts = {
        language: _read_texts(job, _of_language(queries, language), "query", wanted)
        for language, wanted in qids.items()
    }
    passage_texts = {
        language: _read_texts(job, _of_language(passages, language), "passage", wanted)
        for language, wanted in pids.items()
    }
    return [
        Task(
            "" if pair == _ALONE else "-".join(pair),
            read[path],
            query_texts[pair[0]],
            passage_texts[pair[1]],
            outputs[pair],
        )
        for pair, path in found.items()
    ]


def _read_candidates(job: Job, path: Path, depth: int) -> Source[Candidates]:
    rejected, repeated = job.rejected, Counter[str]()
    run = runs.by_query(job.read(path, formats.parse_hit), repeated=repeated)
    pids = {hit.pid for hits in run.values() for hit in hits[:depth]}
    scored = sum(min(depth, len(hits)) for hits in run.values())
    content = Candidates(run, pids, scored, repeated.total())
    return Source(content, job.inputs[-1], job.rejected - rejected)


def _read_texts(job: Job, path: Path, kind: str, wanted: set[str]) -> Source[dict[str, str]]:
    rejected = job.rejected
    texts = job.read_texts(path, kind, wanted)
    if missing := wanted - texts.keys():
        raise CstoolError(f"{kind} {min(missing)} is in the run but has no text in {path}")
    return Source(texts, job.inputs[-1], job.rejected - rejected)


def _of_language(path: Path, language: str) -> Path:
    return Path(str(path).replace(LANG, language))
