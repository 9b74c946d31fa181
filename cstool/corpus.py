"""The texts that an encoder is pre-trained on: kept on disk, in an order that a seed draws."""

import hashlib
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from datasets import Dataset, Features, Value
from datasets.arrow_writer import ArrowWriter
from numpy.typing import NDArray

from cstool import draws
from cstool.errors import CstoolError
from cstool.records import Example, Text

Item = Text | Example
_COLUMNS = ("id", "text", "pid", "passage")
_ROWS = 1000
_POSITIVE = 0.5  # labels above it say that the passage answers


@dataclass
class Corpus:
    """Texts, or pairs of a query and a passage that answers it.

    `starts` says where each file begins, in rows; `rows` are those that are long enough to be used.
    """

    data: Dataset
    starts: list[int]
    rows: NDArray[np.int64]
    is_pairs: bool
    answers: Mapping[str, Sequence[str]]  # of a query, in all pairs
    account: dict[str, Any]

    @classmethod
    def gather(cls, files: Iterable[Iterable[Item]], path: Path, *, pairs: bool) -> "Corpus":
        """Write what the files hold to an Arrow file and map it into memory.

        With `pairs`, of training examples the positive ones; without, every text, those of examples
        once each. CstoolError if there is none.
        """
        features = Features({name: Value("string") for name in _COLUMNS})
        digest, starts = hashlib.sha256(), array("q", [0])
        answers: defaultdict[str, list[str]] = defaultdict(list)
        kind = _pairs if pairs else _texts
        with ArrowWriter(path=str(path), features=features, writer_batch_size=_ROWS) as writer:
            count = 0
            for records in files:
                for row in kind(records):
                    writer.write(dict(zip(_COLUMNS, row, strict=True)))
                    digest.update(repr(row).encode("utf-8", "surrogatepass"))
                    if pairs:
                        answers[row[0]].append(str(row[2]))
                    count += 1
                starts.append(count)
            if not count:
                raise CstoolError(
                    "there is no example with a passage that answers"
                    if pairs
                    else "there is no text"
                )
            writer.finalize()
        account = {"texts_read": count, "texts_sha256": digest.hexdigest()}
        data = Dataset.from_file(str(path))
        return cls(data, list(starts), np.arange(count), pairs, answers, account)

    def __len__(self) -> int:
        return len(self.rows)

    def texts(self, first: int = 0, last: int | None = None) -> Iterator[list[str]]:
        """Yield the texts of rows: one, or the two of a pair."""
        for start in range(first, len(self.data) if last is None else last, _ROWS):
            stop = min(start + _ROWS, len(self.data) if last is None else last)
            columns = self.data[start:stop]
            if self.is_pairs:
                yield from map(list, zip(columns["text"], columns["passage"], strict=True))
            else:
                yield from ([text] for text in columns["text"])

    def files(self) -> list[Iterator[str]]:
        """Give the texts of each file."""
        bounds = zip(self.starts, self.starts[1:], strict=False)
        return [
            (text for several in self.texts(first, last) for text in several)
            for first, last in bounds
        ]

    def items(self, numbers: Iterable[int]) -> list[Item]:
        """Give items by their number among those that are used."""
        columns = self.data[self.rows[list(numbers)].tolist()]
        rows = zip(*(columns[name] for name in _COLUMNS), strict=True)
        if self.is_pairs:
            return [Example(qid, query, pid, passage, 1) for qid, query, pid, passage in rows]
        return [Text(name, text) for name, text, _, _ in rows]

    def names(self, item: Item) -> set[tuple[str, str]]:
        """Name what an item is known by: two that share a name are no negatives of each other."""
        if isinstance(item, Text):
            return {("id", item.id), ("text", item.text)}
        own = {("qid", item.qid), ("query", item.query), ("passage", item.passage)}
        return own | {("pid", pid) for pid in self.answers[item.qid]}

    def differs(self) -> bool:
        """Tell whether any item is a negative of the first one."""
        [first] = self.items([0])
        return any(
            self.names(first).isdisjoint(self.names(item))
            for start in range(0, len(self), _ROWS)
            for item in self.items(range(start, min(start + _ROWS, len(self))))
        )

    def order(self, epoch: int, seed: int) -> NDArray[np.int64]:
        """Give the order of the items in an epoch, counted from 0."""
        drawn = np.full(len(self), draws.named(seed, epoch, "order"), dtype=np.uint64)
        return np.argsort(draws.at(drawn, np.arange(len(self), dtype=np.uint64)), kind="stable")


class Stream:
    """The items of all epochs, one after another, from any place on."""

    def __init__(self, corpus: Corpus, seed: int) -> None:
        self._corpus, self._seed = corpus, seed
        self._orders: dict[int, NDArray[np.int64]] = {}

    def take(self, place: int, count: int) -> list[tuple[int, Item]]:
        """Give the items from a place on, each with the number of its epoch."""
        size = len(self._corpus)
        epochs = [number // size for number in range(place, place + count)]
        self._orders = {epoch: self._order(epoch) for epoch in dict.fromkeys(epochs)}
        numbers = [
            int(self._orders[epoch][number % size])
            for number, epoch in zip(range(place, place + count), epochs, strict=True)
        ]
        return list(zip(epochs, self._corpus.items(numbers), strict=True))

    def _order(self, epoch: int) -> NDArray[np.int64]:
        known = self._orders.get(epoch)
        return self._corpus.order(epoch, self._seed) if known is None else known


def _texts(records: Iterable[Item]) -> Iterator[tuple[str, str, None, None]]:
    come: set[tuple[str, str]] = set()
    for record in records:
        if isinstance(record, Text):
            yield record.id, record.text, None, None
            continue
        for row in ((record.qid, record.query), (record.pid, record.passage)):
            if row not in come:
                come.add(row)
                yield *row, None, None


def _pairs(records: Iterable[Item]) -> Iterator[tuple[str, str, str, str]]:
    for record in records:
        if isinstance(record, Text):
            raise CstoolError(f"{record.id} is a text alone: --views pairs takes training examples")
        if record.label > _POSITIVE:
            yield record.qid, record.query, record.pid, record.passage
