"""What `cstool rerank` does behind its options: score the windows of runs, and write them."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cstool import console, files, formats, runs
from cstool.cli.candidates import Task
from cstool.cli.job import Job, plain
from cstool.rerank import Pairs, Scorer, fill, pairs_of, rerank, score_examples
from cstool.scoring import Scoring
from cstool.windows import Kept, Scores, Window

if TYPE_CHECKING:
    from cstool.crossencoder import CrossEncoder


@dataclass(frozen=True)
class Writing:
    """How runs are cut into windows and written."""

    depth: int
    window: int
    keep_tail: bool
    tag: str
    resume: bool


def run(job: Job, tasks: list[Task], how: Scoring, writing: Writing, workers: int) -> None:
    """Score the windows of all runs, each process its share; the first one writes."""
    from cstool import processes

    first, shared = processes.rank() == 0, processes.count() > 1
    total = sum(task.candidates.content.scored for task in tasks)
    done: list[Kept] = []
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
                done += [kept] if kept else []
    for kept in done:  # not before the last run is written: one that is resumed has all windows
        kept.remove()


def run_on_examples(job: Job, examples: Path, output: Path, tag: str, how: Scoring) -> None:
    """Write a run of the pairs of examples, each pair once."""
    files.check_output(output)
    found = job.read(examples, formats.parse_example)
    cut = _Cut()
    with _scorer(how, None) as (_, score):
        run = runs.by_query(score_examples(found, score, cut.add))
    lines = job.write(output, runs.lines(run.values(), tag), str)
    job.counts |= {"queries": len(run), "scored": lines, **cut.counts()}
    job.say(f"scored {lines} pairs of {len(run)} queries")


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


def _kept(job: Job, task: Task, scorer: "CrossEncoder", resume: bool) -> Kept | None:
    """Open what is kept of a run beside its output; nothing is, of a device or a pipe."""
    output = task.output
    if output == files.STDIO or (output.exists() and not output.is_file()):
        return None
    ignored = ("output", "resume", "tag", "tail", "engine", "workers")
    # What was found out stands for what was asked for: "model" is a digest, not a path.
    plan = {name: plain(value) for name, value in job.settings.items() if name not in ignored} | {
        "inputs": [reading.sha256 for reading in task.job(job).inputs],
        "model": scorer.fingerprint(),
        "max_length": scorer.encoder.max_length,
    }
    return Kept(output, plan, resume=resume)


def _work(task: Task) -> tuple[runs.Run, Callable[[Window], Pairs]]:
    return task.candidates.content.run, pairs_of(task.queries.content, task.passages.content)


def _rerank(
    job: Job, task: Task, kept: Kept | None, score: Scorer, writing: Writing, max_length: int
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
    job.say(
        f"{task.name}{': ' if task.name else ''}scored {source.scored} pairs of {len(source.run)} "
        f"queries; cut at {max_length} tokens: the passage of {cut.passages} pairs, the query of "
        f"{cut.queries}"
    )


@dataclass
class _Cut:
    """In how many pairs a text was too long."""

    passages: int = 0
    queries: int = 0

    def add(self, scores: Scores) -> None:
        self.passages += scores.truncated_passages
        self.queries += scores.truncated_queries

    def counts(self) -> dict[str, int]:
        return {"truncated_passages": self.passages, "truncated_queries": self.queries}
