"""What `cstool rerank` reads: runs and their texts, each file once, however many pairs need it."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from cstool import files, formats, runfiles, runs, textfile
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.records import Hit
from cstool.textfile import Held, TextFile

LANG = "{lang}"  # in a path: the language of its texts
ALONE = (runfiles.UNKNOWN, runfiles.UNKNOWN)  # without --pairs
Languages = tuple[str, str]  # of the queries, of the passages
Content = TypeVar("Content")


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
    queries: Source[Held]
    passages: Source[Held | TextFile]
    output: Path

    def job(self, whole: Job) -> Job:
        """Begin the account of this task alone."""
        sources = {
            id(source.reading): source for source in (self.candidates, self.queries, self.passages)
        }.values()
        rejected = sum(source.rejected for source in sources)
        return Job(
            whole.command,
            whole.settings,
            counts={"rejected": rejected} if whole.rejects else {},
            inputs=[source.reading for source in sources],
        )


@dataclass(frozen=True)
class Choice:
    """Which candidates are wanted: down to which depth, and of how many queries drawn."""

    depth: int
    sample: int | None
    seed: int

    def of(self, hits: Iterator[Hit]) -> Candidates:
        """Take them from a run."""
        repeated = Counter[str]()
        run = runs.by_query(hits, repeated=repeated)
        if self.sample is not None:  # by a hash of the id: the same ones in every run of a query
            drawn = sorted(run, key=lambda qid: _draw(self.seed, qid))[: self.sample]
            run = {qid: run[qid] for qid in drawn}
        pids = {hit.pid for hits in run.values() for hit in hits[: self.depth]}
        scored = sum(min(self.depth, len(hits)) for hits in run.values())
        return Candidates(run, pids, scored, repeated.total())


def with_texts(job: Job, path: Path, output: Path, choice: Choice) -> Task:
    """Read a file of qid, pid, query and passage: its order, and no score, is that of the run."""
    files.check_input(path)
    check_outputs(job, [output])
    queries, passages = Held(), Held()

    def parse(line: str) -> Hit:
        query, passage = formats.parse_candidate(line)
        for texts, text, kind in ((queries, query, "query"), (passages, passage, "passage")):
            if texts.setdefault(text.id, text.text) != text.text:
                raise ValueError(f"{kind} {text.id} has another text than before")
        return Hit(query.id, passage.id, 0.0)

    def ranked() -> Iterator[Hit]:
        for number, hit in enumerate(job.read(path, parse)):
            yield Hit(hit.qid, hit.pid, float(-number))

    rejected = job.rejected
    found = choice.of(ranked())
    left_out, reading = job.rejected - rejected, job.inputs[-1]
    return Task(
        "",
        Source(found, reading, left_out),
        Source(queries, reading, left_out),
        Source(passages, reading, left_out),
        output,
    )


def tasks(
    job: Job,
    found: Mapping[Languages, Path],
    outputs: Mapping[Languages, Path],
    queries: Path,
    passages: Path,
    choice: Choice,
) -> list[Task]:
    """Check all files, then read each once, of its texts those that some run needs."""
    for path in found.values():
        files.check_input(path)
    for query, passage in found:
        files.check_input(_of_language(queries, query))
        files.check_input(_of_language(passages, passage))
    check_outputs(job, outputs.values())
    read = {path: _read(job, path, choice) for path in dict.fromkeys(found.values())}
    qids: dict[str, set[str]] = {}
    pids: dict[str, set[str]] = {}
    for (query, passage), path in found.items():
        qids.setdefault(query, set()).update(read[path].content.run)
        pids.setdefault(passage, set()).update(read[path].content.pids)
    query_texts = {
        language: _held(job, _of_language(queries, language), "query", wanted)
        for language, wanted in qids.items()
    }
    passage_texts = {
        language: _passages(job, _of_language(passages, language), wanted)
        for language, wanted in pids.items()
    }
    return [
        Task(
            "" if pair == ALONE else "-".join(pair),
            read[path],
            query_texts[pair[0]],
            passage_texts[pair[1]],
            outputs[pair],
        )
        for pair, path in found.items()
    ]


def check_outputs(job: Job, outputs: Iterable[Path]) -> None:
    """Refuse outputs that cannot be written, before any slow work."""
    for path in outputs:
        files.check_output(path)
        if job.rejects and path.resolve() == job.rejects.resolve():
            raise CstoolError(f"{path}: wrong lines go there, it can be nothing else")


def _read(job: Job, path: Path, choice: Choice) -> Source[Candidates]:
    rejected = job.rejected
    found = choice.of(job.read(path, formats.parse_hit))
    return Source(found, job.inputs[-1], job.rejected - rejected)


def _held(job: Job, path: Path, kind: str, wanted: set[str]) -> Source[Held]:
    rejected = job.rejected
    texts = Held(job.read_texts(path, kind, wanted))
    textfile.check_known(texts.missing(wanted), kind, path)
    return Source(texts, job.inputs[-1], job.rejected - rejected)


def _passages(job: Job, path: Path, wanted: set[str]) -> Source[Held | TextFile]:
    # Wrong lines that are to be kept aside must be met, so the file is read then.
    if job.rejects or not textfile.can_index(path):
        held = _held(job, path, "passage", wanted)
        return Source(held.content, held.reading, held.rejected)

    def read(parse: Callable[[str], None]) -> files.Reading:
        for _ in job.read(path, parse):
            pass
        return job.inputs[-1]

    texts, reading = textfile.open_indexed(path, read, "passage")
    if reading not in job.inputs:
        job.inputs.append(reading)
    textfile.check_known(texts.missing(wanted), "passage", path)
    return Source(texts, reading, 0)


def _draw(seed: int, qid: str) -> bytes:
    return hashlib.sha256(repr((seed, qid)).encode()).digest()


def _of_language(path: Path, language: str) -> Path:
    return Path(str(path).replace(LANG, language))
