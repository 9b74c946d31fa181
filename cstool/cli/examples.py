"""`cstool examples`."""

import functools
import math
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import console, files, formats, runs
from cstool.cli import options
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.records import Example, Hit, Qrel, Text, Triple
from cstool.settings import Sampling

if TYPE_CHECKING:
    from cstool.examples import Account


def run(
    job: Job,
    queries: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Queries: TSV (id, text) or JSONL.")
    ] = None,
    passages: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Passages: TSV (id, text) or JSONL.")
    ] = None,
    qrels: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Judgements (TREC); 1 and more is relevant.")
    ] = None,
    from_triples: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="MS MARCO's triples instead of qrels: three texts, or three ids if --queries and "
            "--passages are given; - is stdin.",
        ),
    ] = None,
    grouped: Annotated[
        bool,
        typer.Option(
            "--grouped",
            help="Of each triple give both passages, one after the other, for losses that compare "
            "them; from qrels the passages of a query stand together anyway.",
        ),
    ] = False,
    negatives: Annotated[
        int, typer.Option(min=0, help="Negatives for each positive.")
    ] = Sampling.negatives,
    hard_from: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Take hard negatives from this run (TREC).")
    ] = None,
    hard: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Hard ones among the negatives. Default: half, rounded up.",
            show_default=False,
        ),
    ] = None,
    hard_depth: Annotated[
        int, typer.Option(min=1, help="Hits of a query that hard negatives are drawn from.")
    ] = Sampling.hard_depth,
    relative_margin: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Leave out hard negatives whose score in the run is above 1 - this share of the "
            "positive's: they may be answers that nobody judged. 0.05 is usual.",
        ),
    ] = None,
    switched_queries: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write these versions of the queries: the same ids."),
    ] = None,
    switched_passages: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write these versions of the passages: the same ids."),
    ] = None,
    seed: options.Seed = Sampling.seed,
    output: options.Output = files.STDIO,
) -> None:
    """Make training examples with negatives.

    From qrels: each relevant passage of a query is followed by negatives, drawn at random from all
    passages and, with --hard-from, from the best hits of a run. No negative is judged relevant for
    the query or has the text of a passage that is. What is drawn depends on the ids and the seed,
    not on the order of the files.

    From triples, as in the paper: of five triples in a row the first gives its positive passage
    and the others give their negative ones, each with its own query. The seed plays no part.

    Queries and passages that were switched once, by `cstool codeswitch`, can be joined here: each
    text has then one version in all examples. Which are negatives is decided by the texts of
    --queries and --passages, so --switched-passages does not change what is drawn.

    \b
    cstool examples --queries q.tsv --passages p.tsv --qrels qrels.tsv -o train.jsonl
    cstool examples --queries q.tsv --passages p.tsv --qrels qrels.tsv --hard-from bm25.trec
    cstool examples --queries q.tsv --passages p.tsv --from-triples triples.ids.tsv.gz
    cstool examples --queries q.tsv --passages p.tsv --qrels qrels.tsv --switched-passages p.de.tsv
    """
    from cstool.examples import Account, with_texts

    files.check_output(output)
    for path in filter(None, (switched_queries, switched_passages)):
        files.check_input(path)
    account = Account()
    if from_triples is not None:
        if any(value is not None for value in (qrels, hard_from, hard, relative_margin)):
            raise typer.BadParameter(
                "--from-triples goes without --qrels, --hard and --relative-margin"
            )
        if (queries is None) != (passages is None):
            raise typer.BadParameter("triples of ids need --queries and --passages")
        nothing = f"{from_triples}: holds no triple"
        made = _from_triples(job, from_triples, queries, passages, account, negatives, grouped)
    else:
        if queries is None or passages is None or qrels is None:
            raise typer.BadParameter("give --queries, --passages and --qrels, or --from-triples")
        asked = hard is not None or relative_margin is not None
        if (asked and hard_from is None) or (hard or 0) > negatives:
            raise typer.BadParameter(
                "--hard and --relative-margin need --hard-from, and --hard is at most --negatives"
            )
        if hard is None:
            hard = math.ceil(negatives / 2) if hard_from is not None else 0
        sampling = Sampling(
            negatives=negatives,
            hard=hard,
            hard_depth=hard_depth,
            relative_margin=relative_margin,
            seed=seed,
        )
        nothing = f"{qrels}: no query has a relevant passage"
        made = _from_qrels(job, queries, passages, qrels, hard_from, sampling, account)
    made = with_texts(
        _some(made, nothing),
        _version_of(job, switched_queries, "query"),
        _version_of(job, switched_passages, "passage"),
    )
    count = job.write(output, made, formats.format_example)
    job.counts |= {"examples": count} | account.summary()
    if account.queries_without_positive:
        console.warn(f"{account.queries_without_positive} queries have no relevant passage")
    if account.lacking or account.lacking_hard:
        console.warn(
            f"too few passages: {account.lacking} negatives are missing, and random ones stand "
            f"for {account.lacking_hard} hard ones"
        )
    hard_ones = f", {account.hard} of them hard" if account.hard else ""
    job.say(
        f"{count} examples: {account.positives} positives, {account.negatives} negatives{hard_ones}"
    )


def _from_qrels(
    job: Job,
    queries: Path,
    passages: Path,
    qrels: Path,
    hard_from: Path | None,
    sampling: Sampling,
    account: "Account",
) -> Iterator[Example]:
    from cstool.examples import from_qrels

    for path in filter(None, (queries, passages, qrels, hard_from)):
        files.check_input(path)
    asked = job.read_texts(queries, "query")
    found = job.read_texts(passages, "passage")

    def qrel(line: str) -> Qrel:
        parsed = formats.parse_qrel(line)
        _check_known("query", parsed.qid, asked, queries)
        _check_known("passage", parsed.pid, found, passages)
        return parsed

    def hit(line: str) -> Hit:
        parsed = formats.parse_hit(line)
        _check_known("passage", parsed.pid, found, passages)
        return parsed

    judged = list(job.read(qrels, qrel))
    repeated: Counter[str] = Counter()
    hits = job.read(hard_from, hit) if hard_from is not None else ()
    best = runs.by_query((hit for hit in hits if hit.qid in asked), repeated=repeated)
    job.counts["repeated_hits"] = repeated.total()
    return from_qrels(asked, found, judged, sampling=sampling, account=account, run=best)


def _from_triples(
    job: Job,
    triples: Path,
    queries: Path | None,
    passages: Path | None,
    account: "Account",
    negatives: int,
    grouped: bool,
) -> Iterator[Example]:
    from cstool.datasets.collection import OneLine, text_id
    from cstool.examples import from_triples

    if queries is None or passages is None:
        one_line = OneLine()  # for the ids alone, so that `prepare pairs` makes the same

        def with_id(prefix: str, text: str) -> Text:
            return Text(text_id(prefix, one_line(text)), text)

        return from_triples(
            job.read(triples, _triple_of_texts),
            functools.partial(with_id, "q"),
            functools.partial(with_id, "p"),
            negatives=negatives,
            account=account,
            grouped=grouped,
        )

    for path in (triples, queries, passages):
        files.check_input(path)
    qids, pids = _ids(triples)
    asked = job.read_texts(queries, "query", qids)
    found = job.read_texts(passages, "passage", pids)

    def triple(line: str) -> Triple:
        parsed = formats.parse_triple(line)
        _check_known("query", parsed.query, asked, queries)
        _check_known("passage", parsed.positive, found, passages)
        _check_known("passage", parsed.negative, found, passages)
        return parsed

    return from_triples(
        job.read(triples, triple),
        lambda qid: Text(qid, asked[qid]),
        lambda pid: Text(pid, found[pid]),
        negatives=negatives,
        account=account,
        grouped=grouped,
    )


def _version_of(job: Job, path: Path | None, kind: str) -> Callable[[str], str] | None:
    """Give what finds the version of a text that stands in a file."""
    if path is None:
        return None
    texts = job.read_texts(path, kind)

    def version(name: str) -> str:
        if name not in texts:
            raise CstoolError(f"{kind} {name} is not in {path}")
        return texts[name]

    return version


def _some(examples: Iterable[Example], otherwise: str) -> Iterator[Example]:
    example = None
    for example in examples:
        yield example
    if example is None:
        raise CstoolError(otherwise)


def _triple_of_texts(line: str) -> Triple:
    triple = formats.parse_triple(line)
    if not all(map(str.strip, (triple.query, triple.positive, triple.negative))):
        raise ValueError("an empty text, expected query, positive, negative")
    return triple


def _ids(triples: Path) -> tuple[set[str], set[str]] | tuple[None, None]:
    """Look which texts will be needed: a few triples must not load all of MS MARCO."""
    if not triples.is_file():  # a pipe can be read only once
        return None, None
    qids: set[str] = set()
    pids: set[str] = set()
    # Wrong lines are told, or rejected, when the file is read again.
    for triple in files.read(triples, formats.parse_triple, reject=lambda error, line: None):
        qids.add(triple.query)
        pids.update((triple.positive, triple.negative))
    return qids, pids


def _check_known(what: str, name: str, texts: Container[str], path: Path) -> None:
    if name not in texts:
        raise ValueError(f"{what} {name} is not in {path}")
