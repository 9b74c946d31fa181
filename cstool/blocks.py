"""Code-switch blocks of lines, parsed and written by whoever switches them: a worker, a machine.

A block goes in and bytes come out, so that the process that hands them round has little to do.
What becomes of a block depends on the block alone: it may be done anywhere, and done again.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from cstool import formats
from cstool.codeswitch import Account, Switcher, copies, marked, switched, trace
from cstool.errors import CstoolError, DataError
from cstool.files import Block
from cstool.records import Example, Text


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
    """Switches blocks; `count` is the number of copies, `skip` keeps wrong lines aside."""

    switcher: Switcher
    count: int = 1
    tracing: bool = False
    skip: bool = False
    mark: bool = False

    def __call__(self, block: Block) -> Switched:
        """Switch a block; the switcher's accounts begin anew with each."""
        done = Switched()
        self.switcher.accounts = done.accounts
        lines: list[str] = []
        traced: list[str] = []

        try:
            for record in self._read(block, done):
                sides = self.switcher.sides(record)
                if self.tracing:
                    traced.extend(trace(record, sides))
                made = switched(record, sides)
                lines.append(formats.format_record(marked(made, sides) if self.mark else made))
        except CstoolError as error:
            done.error = error
        done.lines, done.records = _bytes(lines), len(lines)
        done.trace = _bytes(traced)
        return done

    def _read(self, block: Block, done: Switched) -> Iterator[Example | Text]:
        reject = (lambda *wrong: done.rejected.append(wrong)) if self.skip else None
        records = block.parse(formats.parse_record, reject)
        return copies(records, self.count) if self.count > 1 else records


def _bytes(lines: list[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()
