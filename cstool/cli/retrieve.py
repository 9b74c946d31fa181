"""`cstool retrieve`."""

from pathlib import Path
from typing import Annotated

import typer

from cstool import files, formats, runs
from cstool.cli import options
from cstool.cli.job import Job
from cstool.settings import Retrieving


def run(
    job: Job,
    queries: options.Queries,
    passages: options.Passages,
    output: options.Output = files.STDIO,
    lang: Annotated[
        str,
        typer.Option(
            metavar="CODE",
            help="Language of both sides; it only chooses the stemmer.",
            callback=options.checked_language,
        ),
    ] = "en",
    query_lang: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="The same for the queries alone.",
            callback=options.checked_language,
        ),
    ] = None,
    passage_lang: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="The same for the passages alone.",
            callback=options.checked_language,
        ),
    ] = None,
    depth: Annotated[int, typer.Option(min=1, help="Hits per query.")] = Retrieving.depth,
    k1: Annotated[
        float, typer.Option(min=0, max=100, help="BM25: how much repeated words count.")
    ] = Retrieving.k1,
    b: Annotated[
        float, typer.Option(min=0, max=1, help="BM25: how much long passages pay.")
    ] = Retrieving.b,
    with_relevant: Annotated[
        Path | None,
        typer.Option(
            metavar="QRELS",
            help="Relevant passages that were not found take the place of the last hits.",
        ),
    ] = None,
    tag: options.Tag = "bm25",
) -> None:
    """Find candidates with BM25.

    Words are runs of letters, combining marks and digits without regard to case, stemmed where
    Snowball has the language. Scripts without spaces (Chinese, Japanese, Thai, Lao, Khmer,
    Burmese) are searched by overlapping pairs of characters, a vowel sign counting as part of its
    consonant. Passages that share nothing with the query are no hits; equal scores are ordered by
    passage id, also where the depth cuts.

    \b
    cstool retrieve --queries q.de.tsv --passages p.de.tsv --lang de -o de-de.trec
    cstool retrieve --queries q.tsv --passages p.tsv --depth 100 --with-relevant qrels.tsv -o c.trec
    """
    from cstool.retrieve import Index, Retriever, relevant, retrieve

    files.check_output(output)
    questions = job.read_distinct(queries, formats.parse_text, lambda text: f"query {text.id}")
    texts = job.read_distinct(passages, formats.parse_text, lambda text: f"passage {text.id}")
    judged = job.read(with_relevant, formats.parse_qrel) if with_relevant else ()
    wanted = relevant({(qrel.qid, qrel.pid): qrel.relevance for qrel in judged})
    index = Index.of(texts, passage_lang or lang, k1=k1, b=b)
    retriever = Retriever(index, query_lang or lang, depth, wanted)
    job.write(output, runs.lines(retrieve(questions, retriever), tag), str)
    account = retriever.account
    job.counts = {"passages": len(index.pids), **account.summary()}
    message = (
        f"{account.hits} hits for {account.queries} queries in {len(index.pids)} passages; "
        f"{account.without_hits} queries without hits, {account.without_tokens} without words"
    )
    if with_relevant:
        message += (
            f"; {account.relevant_added} relevant passages added, {account.relevant_left_out} left "
            f"out for lack of room, {account.relevant_unknown} not among the passages"
        )
    job.say(message)
