"""`cstool evaluate`."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import console, files, runfiles
from cstool.cli import evaluation, judgements, options
from cstool.cli.analyses import NEEDS, Analyses
from cstool.cli.analyses import checked as checked_analyses
from cstool.cli.job import Job
from cstool.cli.judgements import LANG
from cstool.cli.ranked_runs import RankedRuns
from cstool.groups import GROUPINGS
from cstool.measures import parse
from cstool.pairs import SEEN, SETS, parse_pairs
from cstool.settings import MEASURES, Reranking, Training

if TYPE_CHECKING:
    from cstool.evaluate import Evaluation
    from cstool.measures import Measure


class Ties(StrEnum):
    """Whose order holds among equal scores."""

    PID = "pid"
    TREC_EVAL = "trec_eval"


class Columns(StrEnum):
    """Which columns a table has."""

    ALL = "all"
    PAIRS = "pairs"
    GROUPS = "groups"


class Test(StrEnum):
    """How differences are tested."""

    T = "t"
    RANDOMISATION = "randomisation"


class Correction(StrEnum):
    """How the p of a family of tests are corrected."""

    BONFERRONI = "bonferroni"
    HOLM = "holm"


def _checked(value: str) -> str:
    try:
        names = [str(parse(name)) for name in value.split(",")]
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from problem
    return ",".join(dict.fromkeys(names))


def _checked_pairs(value: str | None) -> str | None:
    try:
        parse_pairs(value) if value else None
    except ValueError as problem:
        raise typer.BadParameter(str(problem)) from problem
    return value


def _checked_groups(value: str) -> str:
    for name in value.split(","):
        if name not in GROUPINGS and not name.endswith((".yaml", ".yml")):
            raise typer.BadParameter(f"{name!r}: expected {', '.join(GROUPINGS)} or a YAML file")
    return value


def run(
    job: Job,
    qrels: Annotated[
        Path,
        typer.Argument(
            metavar="QRELS",
            help=f"Judgements (TREC qrels); {LANG} stands for the language of the passages.",
        ),
    ],
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
    pairs: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Exactly these pairs of languages, such as en-de,en-xx6; others are not read. "
            f"Named sets: {', '.join(SETS)}.",
            callback=_checked_pairs,
        ),
    ] = None,
    groups: Annotated[
        str,
        typer.Option(
            metavar="LIST",
            help="Means over groups of pairs: kind (MoIR, CLIR, MLIR), seen, script, or a YAML "
            "file with pairs under the name of each group.",
            callback=_checked_groups,
        ),
    ] = "kind",
    seen: Annotated[
        str,
        typer.Option(metavar="LIST", help="Languages of the training, for --groups seen."),
    ] = ",".join(SEEN),
    baseline: Annotated[
        str | None, typer.Option(metavar="SYSTEM", help="Test the others against this one.")
    ] = None,
    test: Annotated[
        Test, typer.Option(help="How differences to the baseline are tested.")
    ] = Test.T,
    correction: Annotated[
        Correction, typer.Option(help="How the p of all tests of a table are corrected.")
    ] = Correction.BONFERRONI,
    margin: Annotated[
        float | None,
        typer.Option(
            min=0.0,
            help="A difference that does not matter, such as 0.01: test which systems are not "
            "worse than the baseline by that, or equivalent to it.",
        ),
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
    best_seed_on: Annotated[
        Path | None,
        typer.Option(
            metavar="DEV.json",
            help="Take one seed per system, the best by the first measure in this evaluation of "
            "other queries (its JSON).",
        ),
    ] = None,
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
    compare: Annotated[
        Path | None,
        typer.Option(metavar="OLD.json", help="Show what changed since this evaluation (JSON)."),
    ] = None,
    analysis: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help=f"Also show, of the first measure: {', '.join(NEEDS)}.",
            callback=checked_analyses,
        ),
    ] = None,
    queries: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"For analyses: texts of the queries, with {LANG}."),
    ] = None,
    passages: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"For analyses: texts of the passages, with {LANG}."),
    ] = None,
    lexicon: Annotated[
        str | None,
        typer.Option(metavar="NAME|PATH", help="For --analysis coverage: a lexicon."),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="For --analysis tokens and fertility."),
    ] = None,
    max_length: Annotated[
        int, typer.Option(min=1, help="For --analysis tokens: tokens that a model reads.")
    ] = Training.LENGTH,
    passage_langs: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="For --analysis languages and peer: id and language of each passage, as `mix "
            "--assignment` writes them; else what stands before a colon in the id.",
        ),
    ] = None,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep here what was found in each run, by its digest: the next call is faster.",
        ),
    ] = None,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Compute all values with ranx as well, and stop if one differs. It compiles "
            "first, which takes up to a minute.",
        ),
    ] = False,
    per_query: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write values per query here, as TSV.")
    ] = None,
    format: options.TableFormat = None,
) -> None:
    """Compare runs by measures of ranking.

    The mean is over all queries of the qrels: one that a run forgot counts 0. Seeds are averaged.
    Every table says what a random order (chance) and the best order (oracle) of the candidates
    are worth, and means over monolingual (MoIR), cross-lingual (CLIR) and multilingual (MLIR)
    pairs, or other groups. Intervals are a paired bootstrap over queries. TSV has a line for every
    run, where a mean was taken stands `all`. docs/evaluation.md defines all of it.

    \b
    cstool evaluate qrels.tsv runs --baseline zero-shot --first-stage bm25 -o results.md
    cstool evaluate qrels.tsv runs --pairs paper --groups kind,script --columns groups
    cstool rerank model --queries q.tsv --passages p.tsv < bm25.trec | cstool evaluate qrels.tsv -
    """
    if per_query == output:
        raise typer.BadParameter("--output and --per-query are the same file")
    from cstool import changes, comparison, legend, tables
    from cstool.evaluate import FIRST_STAGE, Evaluation
    from cstool.results import Results

    chosen = format or options.Format(tables.format_of(output))
    if chosen == options.Format.TSV and (compare or analysis):
        option = "--compare" if compare else "--analysis"
        raise typer.BadParameter(f"{option} has no place in TSV, which is a line per value")
    plan = comparison.Plan(
        baseline=baseline,
        pairs=parse_pairs(pairs) if pairs else None,
        groups=judgements.grouping(groups, seen.split(",")),
        columns=columns,
        intervals=intervals,
        test=test,
        correction=correction,
        margin=margin,
    )
    names = [parse(name) for name in measures.split(",")]
    found = evaluation.asked(runfiles.find(runs, system), plan.pairs)
    for path in (output, per_query or output):
        files.check_output(path)
    judged = judgements.JudgementFiles(job, qrels)
    further: list[str] = []
    if best_seed_on:
        found, note = evaluation.best_seeds(job, best_seed_on, names[0], found, judged)
        further.append(note)
    wanted = Analyses(
        job,
        tuple(analysis.split(",")) if analysis else (),
        queries,
        passages,
        lexicon,
        tokenizer,
        max_length,
        passage_langs,
    )
    worth = _with_ranx(judged, names, ties) if verify else Evaluation(judged.of, names, ties)
    ranked = RankedRuns(job, ties, cache)
    if first_stage:
        there = list(dict.fromkeys(file.pair for file in found))
        for same in runfiles.first_stage(first_stage, there, FIRST_STAGE).values():
            evaluation.first_stage(job, worth, ranked, same, depth)
    evaluation.evaluate(job, worth, ranked, found, list(wanted.watches.values()))
    candidates = f"the first stage's best {depth} hits" if first_stage else "each run's own hits"
    compared = comparison.compare(worth, plan)
    compared = legend.explained(compared, worth, plan, candidates=candidates, further=further)
    for gap in legend.missing(worth, comparison.lay_out(worth, plan)):
        console.warn(gap)
    results = Results(compared, wanted.listings(worth, names[0]), judged.digests())
    if compare:
        changed = changes.changes(judgements.results(job, compare), results, compare.name)
        results = replace(results, listings=[*results.listings, changed])
    bold = tables.is_screen(output) and chosen == options.Format.TABLE
    lines = tables.document(results, chosen, width=tables.width_of(output), bold=bold)
    job.write(output, lines, str)
    if per_query:
        job.write(per_query, tables.scores(worth.scores()), str)
    evaluation.tell(job, worth)


def _with_ranx(
    judged: judgements.JudgementFiles, names: Sequence["Measure"], ties: str
) -> "Evaluation":
    from cstool import verify
    from cstool.evaluate import Evaluation

    return Evaluation(judged.of, names, ties, verify.values)
