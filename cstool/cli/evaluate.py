"""`cstool evaluate`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cstool import console, files, formats, runfiles
from cstool.cli import options
from cstool.cli.job import Job
from cstool.measures import parse
from cstool.settings import MEASURES, Reranking


class Ties(StrEnum):
    """Whose order holds among equal scores."""

    PID = "pid"
    TREC_EVAL = "trec_eval"


class Columns(StrEnum):
    """Which columns a table has."""

    ALL = "all"
    PAIRS = "pairs"
    GROUPS = "groups"


def _checked(value: str) -> str:
    try:
        names = [str(parse(name)) for name in value.split(",")]
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from problem
    return ",".join(dict.fromkeys(names))


def run(
    job: Job,
    qrels: Annotated[Path, typer.Argument(metavar="QRELS", help="Judgements (TREC qrels).")],
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUNS...",
            help="Runs (TREC), - is stdin; or folders with SYSTEM/SEED/QLANG-DLANG.trec.",
        ),
    ],
    output: options.Output = files.STDIO,
    measures: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="What to measure: mrr@10,ndcg@10,recall@100,map, precision, hit_rate, ...",
            callback=_checked,
        ),
    ] = ",".join(MEASURES),
    system: Annotated[
        str | None, typer.Option(metavar="NAME", help="Name of single files; else their own.")
    ] = None,
    baseline: Annotated[
        str | None, typer.Option(metavar="SYSTEM", help="Test the others against this one.")
    ] = None,
    intervals: Annotated[
        bool,
        typer.Option(
            "--intervals",
            help="Give 95 % intervals of the means and of the differences to the baseline.",
        ),
    ] = False,
    columns: Annotated[
        Columns,
        typer.Option(help="Show and test pairs of languages, means of their groups, or both."),
    ] = Columns.ALL,
    first_stage: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE|FOLDER",
            help="What was reranked: one run for all, or a folder with QLANG-DLANG.trec.",
        ),
    ] = None,
    depth: Annotated[
        int, typer.Option(min=1, help="Hits of the first stage that are candidates.")
    ] = Reranking.depth,
    ties: Annotated[
        Ties, typer.Option(help="Order of equal scores: pid ascending, or as in trec_eval.")
    ] = Ties.PID,
    per_query: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write values per query here, as TSV.")
    ] = None,
    format: options.TableFormat = None,
) -> None:
    """Compare runs by measures of ranking.

    The mean is over all queries of the qrels: one that a run forgot counts 0. Seeds are averaged.
    Every table says what a random order (chance) and the best order (oracle) of the candidates
    are worth, and means over monolingual (MoIR), cross-lingual (CLIR) and multilingual (MLIR)
    pairs. Intervals are a paired bootstrap over queries. TSV has a line for every run, where a mean
    was taken stands `all`.

    \b
    cstool evaluate qrels.tsv runs --baseline zero-shot --first-stage bm25 -o results.md
    cstool rerank model --queries q.tsv --passages p.tsv < bm25.trec | cstool evaluate qrels.tsv -
    """
    if per_query == output:
        raise typer.BadParameter("--output and --per-query are the same file")
    from cstool import comparison, tables
    from cstool.evaluate import FIRST_STAGE, Evaluation, Judgements

    found = runfiles.find(runs, system)
    pairs = list(dict.fromkeys(file.pair for file in found))
    first = runfiles.first_stage(first_stage, pairs, FIRST_STAGE) if first_stage else {}
    for path in (output, per_query or output):
        files.check_output(path)
    judged = Judgements.of(
        job.read_distinct(
            qrels, formats.parse_qrel, lambda q: f"query {q.qid} with passage {q.pid}"
        )
    )
    evaluation = Evaluation(judged, [parse(name) for name in measures.split(",")], ties)
    for path, same in first.items():
        evaluation.add_first_stage(same, job.read(path, formats.parse_hit), depth)
    with console.progress("evaluating", len(found)) as bar:
        for done, file in enumerate(found):
            bar.update(done, file.system)
            evaluation.add(file, job.read(file.path, formats.parse_hit))
    candidates = f"the first stage's best {depth} hits" if first_stage else "each run's own hits"
    compared = comparison.compare(
        evaluation,
        baseline=baseline,
        columns=columns,
        intervals=intervals,
        candidates=candidates,
    )
    if (chosen := format or tables.format_of(output)) == options.Format.TABLE:
        lines = tables.text(compared, tables.width_of(output))
    else:
        lines = tables.FORMATS[chosen](compared)
    job.write(output, lines, str)
    if per_query:
        job.write(per_query, tables.scores(evaluation.scores()), str)
    job.counts = {
        "runs": len(found),
        "systems": len({file.system for file in found}),
        "queries": len(judged.qids),
        "queries_without_hits": evaluation.forgotten,
        "queries_not_judged": evaluation.unjudged,
    }
    job.say(
        f"{len(found)} runs, {job.counts['systems']} systems, {len(judged.qids)} queries; "
        f"{evaluation.forgotten} times a query without hits, {evaluation.unjudged} times one that "
        "is not in the qrels"
    )
