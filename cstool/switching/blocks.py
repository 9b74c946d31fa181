"""Code-switch blocks of lines, parsed and written by whoever switches them: a worker, a machine.

A block goes in and bytes come out, so that the process that hands them round has little to do.
What becomes of a block depends on the block alone: it may be done anywhere, and done again.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter, methodcaller
from typing import Any

import orjson

from cstool import formats
from cstool.account import Account
from cstool.codeswitch import Switcher, copies_of
from cstool.errors import CstoolError, DataError
from cstool.files import Block
from cstool.records import Example, Text
from cstool.replacements import marked, trace
from cstool.switching.tally import Tally

_TEXTS = ("qid", "query", "pid", "passage")
# Not every example may have a copy number, and what is marked is not switched again.
_NOT_PLAIN = {"copy", "switched"}
_is_object = methodcaller("startswith", b"{")
_line = partial(orjson.dumps, option=orjson.OPT_APPEND_NEWLINE)


@dataclass
class Switched:
    """What became of a block: lines to write, lines that were wrong, and the account.

    `error` is what stopped it, after the lines that are here.
    """

    lines: bytes = b""
    trace: bytes = b""
    records: int = 0
    rejected: list[tuple[DataError, bytes]] = field(default_factory=list)
    accounts: dict[str, Account] = field(default_factory=dict)
    error: CstoolError | None = None


@dataclass(frozen=True)
class BlockSwitcher:
    """Switches blocks; `count` is the number of copies, `skip` keeps wrong lines aside.

    With `keep`, the entries used are not in the account of each block, but in the `rest`: there are
    thousands, and to hand them on each time would be a tenth of the work.
    """

    switcher: Switcher
    count: int = 1
    tracing: bool = False
    skip: bool = False
    mark: bool = False
    keep: bool = False
    _used: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))

    def __call__(self, block: Block) -> Switched:
        """Switch a block; the switcher's accounts begin anew with each."""
        done = self._switched(block)
        if self.keep:
            for side, account in done.accounts.items():
                self._used[side].update(account.used)
                account.used = Tally()
        return done

    def rest(self) -> Switched:
        """Give what was kept: which entries were used, in all blocks so far."""
        accounts = {side: Account(used=used) for side, used in self._used.items()}
        self._used.clear()
        return Switched(accounts=accounts)

    def _switched(self, block: Block) -> Switched:
        done = Switched()
        self.switcher.accounts = done.accounts
        if not (self.tracing or self.mark) and (rows := _plain_rows(block)):
            done.lines, done.records = self._plain(rows), len(rows) * self.count
            return done
        records: list[Example | Text] = []
        try:
            for record in self._read(block, done):
                self.switcher.check(record)
                if self.mark and isinstance(record, Text):
                    raise CstoolError(f"{record.id} is a query or a passage: it cannot be marked")
                records.append(record)
        except CstoolError as error:
            done.error = error
        noted = self.tracing or self.mark
        made = self.switcher.records(records, with_sides=noted)
        if self.tracing:
            pairs = zip(records, made, strict=True)
            done.trace = _bytes([line for old, (_, sides) in pairs for line in trace(old, sides)])
        lines = [marked(new, sides) if self.mark else new for new, sides in made]
        done.lines, done.records = _bytes(list(map(formats.format_record, lines))), len(lines)
        return done

    def _plain(self, rows: list[dict[str, Any]]) -> bytes:
        if self.count > 1:
            numbers = range(1, self.count + 1)
            rows = [{**row, "copy": number} for row in rows for number in numbers]
        made = self.switcher.columns(_columns(rows))
        for row, query, passage in zip(rows, made["query"], made["passage"], strict=True):
            row["query"], row["passage"] = query, passage
        return b"".join(map(_line, rows))

    def _read(self, block: Block, done: Switched) -> Iterator[Example | Text]:
        reject = (lambda *wrong: done.rejected.append(wrong)) if self.skip else None
        records = block.parse(formats.parse_record, reject)
        return copies_of(records, self.count) if self.count > 1 else records


def _plain_rows(block: Block) -> list[dict[str, Any]] | None:
    """Parse a block of examples at once, if all are right and as we write them; None otherwise.

    What `formats` finds wrong, or would write in another way, is left to it.
    """
    if not all(map(_is_object, block.lines)):
        return None
    try:
        rows = list(map(orjson.loads, block.lines))
    except orjson.JSONDecodeError:
        return None
    keys = set(map(tuple, rows))
    if not all(each[:5] == formats.EXAMPLE_KEYS for each in keys) or _NOT_PLAIN & set().union(
        *keys
    ):
        return None
    columns = _columns(rows)
    if any(set(map(type, columns[name])) != {str} for name in _TEXTS):
        return None
    if "" in columns["qid"] or "" in columns["pid"]:
        return None
    labels = columns["label"]
    if not set(map(type, labels)) <= {int, float} or not all(0 <= label <= 1 for label in labels):
        return None
    return rows


def _columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    names = (*formats.EXAMPLE_KEYS, *(("copy",) if "copy" in rows[0] else ()))
    return dict(zip(names, zip(*map(itemgetter(*names), rows), strict=True), strict=True))


def _bytes(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
