"""What `evaluate` does with runs: which are read, how, and what is said of them."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cstool import console, files, formats, runfiles
from cstool.cli import judgements
from cstool.cli.job import Job
from cstool.cli.ranked_runs import RankedRuns
from cstool.errors import CstoolError
from cstool.groups import Pair
from cstool.measures import Measure

if TYPE_CHECKING:
    from cstool.analysis.ranks import Watch
    from cstool.evaluate import Evaluation

_WARNINGS = 10


def asked(
    found: Sequence[runfiles.RunFile], pairs: Sequence[Pair] | None
) -> list[runfiles.RunFile]:
    """Keep the runs of the pairs that were asked for; CstoolError if there is none."""
    kept = [file for file in found if pairs is None or file.pair in pairs]
    if not kept:
        raise CstoolError("no run is of one of the pairs of languages that --pairs names")
    if len(kept) < len(found):
        console.say(f"{len(found) - len(kept)} runs of other pairs than those of --pairs not read")
    return kept


def best_seeds(
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


def first_stage(
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


def evaluate(
    job: Job,
    evaluation: "Evaluation",
    ranked_runs: RankedRuns,
    found: Sequence[runfiles.RunFile],
    watches: "Sequence[Watch]",
) -> None:
    """Evaluate the runs, show them to `watches`, and say which queries some of them forgot."""
    judged, warned = evaluation.judgements, 0
    with console.progress("evaluating", len(found)) as bar:
        for done, file in enumerate(found):
            bar.update(done, file.system)
            ranked = None if watches else ranked_runs.read(file.path, judged(file.pair))
            if ranked is None:
                hits = evaluation.read(file, job.read(file.path, formats.parse_hit))
                rankings = judged(file.pair).rankings(hits)
                result = evaluation.add_ranked(file, rankings, len(hits))
                for watch in watches:
                    watch.add(file, hits, judged(file.pair))
            else:
                result = evaluation.add_ranked(file, ranked.rankings, ranked.queries)
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


def tell(job: Job, evaluation: "Evaluation") -> None:
    """Count what was evaluated, for the sidecar and for the person."""
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
