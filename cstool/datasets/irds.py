"""Any dataset of the ir_datasets package (MacAvaney et al. 2021, arXiv 2103.02280).

The package downloads what it does not have yet, to ~/.ir_datasets or $IR_DATASETS_HOME.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cstool import formats
from cstool.datasets.collection import Tables
from cstool.errors import CstoolError
from cstool.records import Qrel, Text

_PARTS = ("queries", "docs", "qrels")
_SHOWN = 5  # subsets in a message


@dataclass(frozen=True)
class Dataset:
    """A dataset of ir_datasets that has queries, documents and judgements."""

    name: str
    source: Any
    version: str

    @classmethod
    def load(cls, name: str) -> "Dataset":
        """Find a dataset; nothing is downloaded yet."""
        try:
            import ir_datasets
        except ImportError as error:
            raise CstoolError("ir_datasets is not installed: pip install 'cstool[irds]'") from error
        try:
            source = ir_datasets.load(name)
        except KeyError:
            raise CstoolError(f"no {name} in ir_datasets; see https://ir-datasets.com") from None
        if missing := [part for part in _PARTS if not source.has(part)]:
            below = [
                other for other in sorted(ir_datasets.registry) if other.startswith(f"{name}/")
            ]
            whole = [other for other in below if all(map(ir_datasets.load(other).has, _PARTS))]
            advice = f"; try {' or '.join(whole[:_SHOWN])}" if whole else ""
            raise CstoolError(f"{name} has no {' and no '.join(missing)}{advice}")
        for part in ("queries", "docs"):
            if not hasattr(getattr(source, f"{part}_cls")(), "default_text"):
                raise CstoolError(f"{name}: ir_datasets has no plain text for its {part}")
        return cls(name, source, ir_datasets.__version__)

    def judge(self, tables: Tables) -> None:
        """Put the queries and judgements into tables."""
        with self._told():
            for row in self.source.queries_iter():
                tables.query(_text(row.query_id, row))
            for row in self.source.qrels_iter():
                tables.qrel(Qrel(formats.check_id(row.query_id), row.doc_id, row.relevance))

    def passages(self, tables: Tables) -> Iterator[Text]:
        """Yield the documents, on one line each, in the order of the collection."""
        with self._told():
            for row in self.source.docs_iter():
                yield tables.passage(_text(row.doc_id, row))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Let troubles with a download or a downloaded file become CstoolErrors."""
        try:
            yield
        except (OSError, RuntimeError, ValueError) as error:
            raise CstoolError(f"{self.name}: {error}") from error


def _text(name: str, row: Any) -> Text:
    return Text(formats.check_id(name), row.default_text())
