"""`cstool evaluate`."""

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import console, files, formats, runfiles
from cstool.cli import judgements, options
from cstool.cli.job import Job
from cstool.cli.judgements import LANG
from cstool.cli.ranked_runs import RankedRuns
from cstool.errors import CstoolError
from cstool.groups import GROUPINGS, Pair
from cstool.measures import Measure, parse
from cstool.pairs import SEEN, SETS, parse_pairs
from cstool.settings import MEASURES, Reranking

if TYPE_CHECKING:
    from cstool.evaluate import Evaluation

_WARNINGS = 10


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
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Keep here what was found in each run, by its digest: the next call is faster.",
        ),
    ] = None,
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
    if compare and chosen == options.Format.TSV:
        raise typer.BadParameter("--compare has no place in TSV, which is a line per value")
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
    found = _asked(runfiles.find(runs, system), plan.pairs)
    for path in (output, per_query or output):
        files.check_output(path)
    judged = judgements.JudgementFiles(job, qrels)
    further: list[str] = []
    if best_seed_on:
        found, note = _best_seeds(job, best_seed_on, names[0], found, judged)
        further.append(note)
    evaluation = Evaluation(judged.of, names, ties)
    ranked = RankedRuns(job, ties, cache)
    if first_stage:
        there = list(dict.fromkeys(file.pair for file in found))
        for same in runfiles.first_stage(first_stage, there, FIRST_STAGE).values():
            _first_stage(job, evaluation, ranked, same, depth)
    _evaluate(job, evaluation, ranked, found)
    candidates = f"the first stage's best {depth} hits" if first_stage else "each run's own hits"
    compared = comparison.compare(evaluation, plan)
    compared = legend.explained(compared, evaluation, plan, candidates=candidates, further=further)
    for gap in legend.missing(evaluation, comparison.lay_out(evaluation, plan)):
        console.warn(gap)
    results = Results(compared, [], judged.digests())
    if compare:
        older = judgements.results(job, compare)
        results = replace(results, listings=[changes.changes(older, results, compare.name)])
    bold = tables.is_screen(output) and chosen == options.Format.TABLE
    lines = tables.document(results, chosen, width=tables.width_of(output), bold=bold)
    job.write(output, lines, str)
    if per_query:
        job.write(per_query, tables.scores(evaluation.scores()), str)
    _tell(job, evaluation)


def _asked(
    found: Sequence[runfiles.RunFile], pairs: Sequence[Pair] | None
) -> list[runfiles.RunFile]:
    """Keep the runs of the pairs that were asked for; CstoolError if there is none."""
    kept = [file for file in found if pairs is None or file.pair in pairs]
    if not kept:
        raise CstoolError("no run is of one of the pairs of languages that --pairs names")
    if len(kept) < len(found):
        console.say(f"{len(found) - len(kept)} runs of other pairs than those of --pairs not read")
    return kept


def _best_seeds(
    job: Job,
    path: Path,
    measure: Measure,
    found: Sequence[runfiles.RunFile],
    judged: judgements.JudgementFiles,
) -> tuple[list[runfiles.RunFile], str]:
    """Keep the seeds that were best on a development set, and say which those are."""
    from cstool import seeds

    development = judgements.results(job, path)
    ours = {files.digest(one) for one in judged.check(file.pair for file in found)}
    if ours & set(development.qrels.values()):
        raise CstoolError(
            f"{path}: was made with the same qrels; a seed that was chosen on the queries that are "
            "reported says nothing"
        )
    best = seeds.best(development, str(measure), found)
    told = ", ".join(f"{name} {seed}" for name, seed in best.items()) or "there are no others"
    kept = [file for file in found if best.get(file.system, file.seed) == file.seed]
    return kept, f"One seed, the best in {measure} of {path.name}: {told}."


def _first_stage(
    job: Job,
    evaluation: "Evaluation",
    ranked_runs: RankedRuns,
    same: Sequence[runfiles.RunFile],
    depth: int,
) -> None:
    """Read the candidates of these pairs, which lie in one file."""
    [(judged, alike), *others] = evaluation.alike(same)
    ranked = ranked_runs.read(same[0].path, judged, depth)
    if ranked is None or others:
        evaluation.add_first_stage(same, job.read(same[0].path, formats.parse_hit), depth)
    else:
        evaluation.add_ranked_first_stage(alike, ranked.rankings, ranked.queries)


def _evaluate(
    job: Job,
    evaluation: "Evaluation",
    ranked_runs: RankedRuns,
    found: Sequence[runfiles.RunFile],
) -> None:
    """Evaluate the runs, and say of the first that forgot queries which those are."""
    judged, warned = evaluation.judgements, 0
    with console.progress("evaluating", len(found)) as bar:
        for done, file in enumerate(found):
            bar.update(done, file.system)
            ranked = ranked_runs.read(file.path, judged(file.pair))
            result = (
                evaluation.add(file, job.read(file.path, formats.parse_hit))
                if ranked is None
                else evaluation.add_ranked(file, ranked.rankings, ranked.queries)
            )
            warned += bool(result.forgotten)
            if result.forgotten and warned <= _WARNINGS:
                _warn(file.path, result.forgotten, len(result.judged.qids))
    if warned > _WARNINGS:
        console.warn(f"{warned - _WARNINGS} more runs have no hits for some queries")


def _warn(path: Path, forgotten: Sequence[str], queries: int) -> None:
    more = f" and {len(forgotten) - 3} more" if len(forgotten) > 3 else ""
    console.warn(
        f"{path}: no hits for {len(forgotten)} of {queries} queries, which count 0: "
        f"{', '.join(forgotten[:3])}{more}"
    )


def _tell(job: Job, evaluation: "Evaluation") -> None:
    runs = [result.run for result in evaluation.results]
    queries = {qid for result in evaluation.results for qid in result.judged.qids}
    job.counts = {
        "runs": len(runs),
        "systems": len({run.system for run in runs}),
        "queries": len(queries),
        "queries_without_hits": evaluation.forgotten,
        "queries_not_judged": evaluation.unjudged,
    }
    job.say(
        f"{len(runs)} runs, {job.counts['systems']} systems, {len(queries)} queries; "
        f"{evaluation.forgotten} times a query without hits, {evaluation.unjudged} times one that "
        "is not in the qrels"
    )
