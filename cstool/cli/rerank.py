"""`cstool rerank`."""

from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cstool import console, files, formats, runs
from cstool.cli import options
from cstool.cli.job import Job
from cstool.settings import Reranking


class Tail(StrEnum):
    """What becomes of the hits below the depth."""

    KEEP = "keep"
    DROP = "drop"


def run(
    job: Job,
    model: options.Model,
    queries: options.Queries,
    passages: options.Passages,
    candidates: Annotated[
        Path, typer.Option("--run", metavar="FILE", help="The run to rerank (TREC); - is stdin.")
    ] = files.STDIO,
    output: options.Output = files.STDIO,
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

    \b
    cstool rerank model --queries q.de.tsv --passages p.en.tsv --run bm25.trec -o de-en.trec
    cstool rerank model --queries q.tsv --passages p.tsv --depth 100 < bm25.trec > out.trec
    """
    repeated: Counter[str] = Counter()
    wanted = runs.by_query(job.read(candidates, formats.parse_hit), repeated=repeated)
    pids = {hit.pid for hits in wanted.values() for hit in hits[:depth]}
    query_texts = job.read_texts(queries, "query", wanted)
    passage_texts = job.read_texts(passages, "passage", pids)
    files.check_output(output)
    from cstool.crossencoder import CrossEncoder
    from cstool.rerank import rerank

    scorer = CrossEncoder.load(model, max_length=max_length, device=device, dtype=precision.value)
    total = sum(min(depth, len(hits)) for hits in wanted.values())
    with console.progress("reranking", total) as bar:
        done = 0

        def score(pairs: Sequence[tuple[str, str]]) -> Sequence[float]:
            nonlocal done
            scores = scorer.logits(
                pairs, batch_size=batch_size, scored=lambda count: bar.update(done + count)
            )
            done += len(pairs)
            return scores

        ranked = rerank(
            wanted, query_texts, passage_texts, score, depth=depth, keep_tail=tail is Tail.KEEP
        )
        lines = job.write(output, runs.lines(ranked, tag), str)
    encoder = scorer.encoder
    job.counts = {
        "queries": len(wanted),
        "hits": lines,
        "scored": total,
        "repeated": repeated.total(),
        "truncated_passages": encoder.truncated_passages,
        "truncated_queries": encoder.truncated_queries,
    }
    job.say(
        f"scored {total} pairs of {len(wanted)} queries; {encoder.truncated_passages} passages "
        f"and {encoder.truncated_queries} queries cut at {encoder.max_length} tokens"
    )
