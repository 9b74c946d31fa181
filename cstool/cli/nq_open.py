"""`cstool prepare nq-open`: Natural Questions from the files in which it is passed around."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from cstool import console, files, formats
from cstool.cli import options
from cstool.cli.job import Job
from cstool.cli.prepare import AllQueries, Lang, Output, check_shared
from cstool.errors import CstoolError, DataError
from cstool.records import Hit, Qrel, Text
from cstool.settings import Sampling

if TYPE_CHECKING:
    from cstool.datasets.judging import Judging
    from cstool.datasets.nq import Entry

_ENGLISH = "en"
_COUNTS = ("queries", "passages", "judgements", "examples", "passages_added")


class Relevance(StrEnum):
    """What makes a passage relevant."""

    GOLD = "gold"
    ANSWER = "answer"


def run(
    job: Job,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE",
            help="Questions: NQ-Open's JSONL, training data of a retriever (JSON or JSONL), or "
            "JSONL with query and passage, or with query, pos and neg; - is stdin.",
        ),
    ],
    output: Output,
    gold: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Take passages of the same questions from here as well."),
    ] = None,
    passages: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="The collection: DPR's TSV (id, text, title), or a file of passages. "
            "Default: the passages that stand with the questions.",
        ),
    ] = None,
    relevance: Annotated[
        Relevance,
        typer.Option(
            help="gold: the passage that was annotated. answer: each that holds an answer string."
        ),
    ] = Relevance.GOLD,
    run_file: Annotated[
        Path | None,
        typer.Option(
            "--run",
            metavar="RUN",
            help="With --relevance answer: look at the hits of this run (TREC) as well.",
        ),
    ] = None,
    mkqa: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="MKQA: keep only its questions, and write them in all of its languages.",
        ),
    ] = None,
    titles: Annotated[
        bool, typer.Option("--titles/--no-titles", help="Put its title before a passage.")
    ] = True,
    negatives: Annotated[
        int, typer.Option(min=1, help="In examples.jsonl: negatives for each positive.")
    ] = Sampling.negatives,
    hard: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Hard ones among the negatives. Default: half, rounded up.",
            show_default=False,
        ),
    ] = None,
    seed: options.Seed = Sampling.seed,
    lang: Lang = None,
    all_queries: AllQueries = False,
) -> None:
    """Prepare Natural Questions, NQ-Open and MKQA.

    Files are told apart by their keys. What is relevant is decided on the English originals; the
    other languages carry the same ids, which are made of the English questions. Where passages
    that are not relevant stand with a question, training examples are written as well, to
    examples.jsonl. A file of gigabytes is read once, an entry at a time.

    Answer strings are matched as in DPR. Such a passage need not answer the question: see
    docs/datasets.md.

    \b
    cstool prepare nq-open biencoder-nq-train.json.gz -o nq-train
    cstool prepare nq-open NQ-open.dev.jsonl --gold biencoder-nq-dev.json.gz \\
        --passages psgs_w100.tsv.gz -o nq
    cstool prepare nq-open NQ-open.dev.jsonl --passages psgs_w100.tsv.gz --relevance answer \\
        --run bm25.trec.gz -o nq-answer
    """
    from cstool.datasets.judging import Judging

    if run_file and (relevance is Relevance.GOLD or not passages):
        raise typer.BadParameter("--run goes with --relevance answer and --passages")
    if hard is not None and hard > negatives:
        raise typer.BadParameter("--hard cannot exceed --negatives")
    for path in filter(None, (*sources, *(gold or ()), *(passages or ()), run_file, mkqa)):
        files.check_input(path)
    sampling = Sampling(
        negatives=negatives, hard=(negatives + 1) // 2 if hard is None else hard, seed=seed
    )
    judging = Judging(relevance is Relevance.ANSWER, with_title=titles)
    preparation = _Preparation(job, judging, sampling, output)
    infix = lang or (_ENGLISH if mkqa else "")
    with files.scratch() as drafts:
        if passages:
            for _ in preparation.with_questions(sources, gold or [], drafts):
                pass
            preparation.read_hits(run_file)
            texts = preparation.collection(passages, run_file)
        else:
            texts = _once(preparation.with_questions(sources, gold or [], drafts))
        outputs = preparation.outputs(
            texts, f".{infix}" if infix else "", mkqa, all_queries, drafts
        )
        job.write_together(outputs, _format)
    preparation.tell()


@dataclass
class _Preparation:
    """One run of the command: what it reads, in the order in which it must be read."""

    job: Job
    judging: "Judging"
    sampling: Sampling
    output: Path
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS, 0))
    left_out: dict[str, int] = field(default_factory=dict)

    def with_questions(
        self, sources: list[Path], gold: list[Path], drafts: BinaryIO
    ) -> Iterator[Text]:
        """Yield the passages that stand with questions; drafts of training examples go to disk."""
        from cstool.datasets.judging import examples

        for number, path in enumerate([*sources, *gold]):
            for entry in _entries(self.job, path):
                taken = self.judging.take(entry, asked=number < len(sources))
                for example in examples(taken, self.sampling) if taken else ():
                    self.counts["examples"] += 1
                    drafts.write(formats.format_example(example).encode("utf-8") + b"\n")
                yield from taken.passages if taken else ()

    def read_hits(self, path: Path | None) -> None:
        """Note which passages of a run belong to which questions."""

        def hit(line: str) -> Hit:
            parsed = formats.parse_hit(line)
            if not self.judging.asks(parsed.qid):
                raise ValueError(f"query {parsed.qid} is not among the questions")
            return parsed

        hits: dict[str, list[str]] = {}
        for found in self.job.read(path, hit) if path else ():
            hits.setdefault(found.pid, []).append(found.qid)
        self.judging.hits = hits

    def collection(self, paths: list[Path], run_file: Path | None) -> Iterator[Text]:
        """Yield the passages of the collection, then what is relevant and not in it."""
        from cstool.datasets.nq import parse_context

        def passage(line: str) -> Text | None:
            context = parse_context(line)
            return self.judging.passage(context) if context else None

        for path in paths:
            yield from filter(None, self.job.read(path, passage))
        if missing := self.judging.unseen_hit():
            raise CstoolError(f"{run_file}: passage {missing} is not in {paths[0]}")
        for text in self.judging.lacking():
            self.counts["passages_added"] += 1
            yield text

    def outputs(
        self, texts: Iterable[Text], infix: str, mkqa: Path | None, unjudged: bool, drafts: BinaryIO
    ) -> Iterator[tuple[Path, Iterable[Text | Qrel | bytes]]]:
        """Yield the files with what is in them: passages first, as the others depend on them."""
        from cstool.datasets.nq import parse_mkqa

        yield self.output / f"passages{infix}.tsv", self._counted(texts)
        versions = None
        if mkqa:
            versions = self.judging.translations(self.job.read(mkqa, parse_mkqa))
        found = self.judging.collection((), unjudged=unjudged, only=versions)
        if not found.queries:
            raise CstoolError("no question with a relevant passage: nothing written")
        check_shared(self.output, f"queries{infix}.tsv", found.qrels)
        self.counts |= {"queries": len(found.queries), "judgements": len(found.qrels)}
        self.left_out = dict(found.left_out)
        yield self.output / f"queries{infix}.tsv", found.queries
        for code in _languages(versions or {}, mkqa):
            yield self.output / f"queries.{code}.tsv", self._versions(found.queries, versions, code)
        yield self.output / "qrels.tsv", found.qrels
        if self.counts["examples"]:
            drafts.seek(0)
            yield self.output / "examples.jsonl", (line.removesuffix(b"\n") for line in drafts)

    def tell(self) -> None:
        """Tell what was written and what was not."""
        one_line = self.judging.one_line
        lines = {"texts_put_on_one_line": one_line.changed, "empty_texts": one_line.empty}
        self.job.counts |= {**self.counts, **lines, "left_out": self.left_out}
        told = {
            "{} queries": self.counts["queries"],
            "{} passages": self.counts["passages"],
            "{} judgements": self.counts["judgements"],
        }
        parts = [", ".join(text.format(count) for text, count in told.items())]
        if self.counts["examples"]:
            parts.append(f"{self.counts['examples']} training examples")
        if self.counts["passages_added"]:
            added = self.counts["passages_added"]
            parts.append(f"{added} relevant passages added that the collection lacks")
        parts += [f"{count} {what} left out" for what, count in self.left_out.items() if count]
        self.job.say("; ".join(parts))
        if one_line.empty:
            console.warn(f"{one_line.empty} texts are empty")

    def _counted(self, texts: Iterable[Text]) -> Iterator[Text]:
        for text in texts:
            self.counts["passages"] += 1
            yield text

    def _versions(
        self, queries: list[Text], versions: Mapping[str, Mapping[str, str]] | None, code: str
    ) -> Iterator[Text]:
        for query in queries:
            yield Text(query.id, self.judging.one_line((versions or {})[query.id][code]))


def _entries(job: Job, path: Path) -> Iterator["Entry"]:
    """Read a file of lines, or one JSON array whatever its size."""
    from cstool.datasets.jsonarray import objects
    from cstool.datasets.nq import parse_entry

    with job.opened(path) as source:
        if not source.head().lstrip().startswith(b"["):
            yield from source.records(parse_entry)
            return
        try:
            for line, text in objects(source.blocks(), longest=files.MAX_LINE):
                source.reading.lines = line
                try:
                    entry = parse_entry(text)
                except ValueError as problem:
                    job.reject(DataError(path, line, str(problem)), text)
                else:
                    yield entry
        except ValueError as problem:
            raise CstoolError(f"{path}: {problem}") from problem


def _once(texts: Iterable[Text]) -> Iterator[Text]:
    come: set[str] = set()
    for text in texts:
        if text.id not in come:
            come.add(text.id)
            yield text


def _languages(versions: Mapping[str, Mapping[str, str]], mkqa: Path | None) -> list[str]:
    """Name the languages, the same for every question; English is there already."""
    for qid, texts in versions.items():
        if set(texts) != set(next(iter(versions.values()))):
            raise CstoolError(f"{mkqa}: question {qid} is not in the same languages as the others")
    return sorted(code for code in next(iter(versions.values()), {}) if code != _ENGLISH)


def _format(record: Text | Qrel | bytes) -> str:
    if isinstance(record, bytes):
        return record.decode("utf-8")
    return (
        formats.format_qrel(record) if isinstance(record, Qrel) else formats.format_text_tsv(record)
    )
