"""MS MARCO and mMARCO: one file of queries, one of passages and one of judgements."""

from collections.abc import Iterable, Iterator

from cstool import formats
from cstool.datasets.collection import Tables
from cstool.errors import CstoolError
from cstool.records import Qrel, Text


def parse_query(line: str, tables: Tables) -> Text:
    """Read a query; ValueError for an id that has been used."""
    return tables.query(formats.parse_text(line))


def parse_qrel(line: str, tables: Tables, queries: str) -> Qrel:
    """Read a judgement; ValueError if its query is not among those read, from `queries`."""
    qrel = formats.parse_qrel(line)
    if qrel.qid not in tables.queries:
        raise ValueError(f"query {qrel.qid} is not in {queries}")
    return tables.qrel(qrel)


def parse_passage(line: str, tables: Tables) -> Text:
    """Read a passage and put it on one line."""
    return tables.passage(formats.parse_text(line))


def complete(
    passages: Iterable[Text], tables: Tables, *, qrels: str, source: str
) -> Iterator[Text]:
    """Yield the passages; CstoolError if at the end one that `qrels` judges is not in `source`."""
    yield from passages
    if tables.awaited:
        more = f" (nor {len(tables.awaited) - 1} more)" if len(tables.awaited) > 1 else ""
        raise CstoolError(f"{qrels}: passage {min(tables.awaited)} is not in {source}{more}")
