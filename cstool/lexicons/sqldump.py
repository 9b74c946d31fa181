"""Rows of one table from a dump that mysqldump or mariadb-dump wrote, such as Wikimedia's.

Which column is which is read from the CREATE TABLE statement. A dump is read in blocks: its INSERT
statements are lines of megabytes, or of one row each, and what is held is a block and a row. A
string ends at a quote that is neither doubled nor behind a backslash, whatever stands in it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter

MAX_ROW = 1 << 20  # bytes: rows of Wikimedia's page and langlinks have less than a thousand

# What may stand between two quotes. No dump has a zero byte there, but re looks three bytes up in a
# table, and compares with two of them one by one.
_TEXT = rb"[^'\\\x00]*+(?:(?:\\.|''|\x00)[^'\\\x00]*+)*+"
_NUMBER = rb"[^',()]++"  # also NULL
_VALUE = rb"(?:(?:_binary )?+'" + _TEXT + rb"'|" + _NUMBER + rb")"
_TABLE = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?`(\w+)`\s*\((.*?)\n\)", re.DOTALL)
_COLUMN = re.compile(rb"^\s*`(\w+)`\s+(\w+)", re.MULTILINE)
_NUMERIC = re.compile(rb"\w*int|integer|float|double|decimal", re.IGNORECASE)
_INSERT = re.compile(rb"INSERT INTO `(\w+)` VALUES")
_BEGUN, _DONE = re.compile(rb"^-- (?:MySQL|MariaDB) dump", re.MULTILINE), b"-- Dump completed"
_ESCAPED = re.compile(rb"\\(.)|''", re.DOTALL)
_MEANT = {b"0": b"\0", b"b": b"\b", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"Z": b"\x1a"}
_MEANT |= {b"%": rb"\%", b"_": rb"\_"}


def table(head: bytes) -> str | None:
    """Name the table of a dump that begins like this; None if no table is told there."""
    found = _TABLE.search(head) or _INSERT.search(head)
    return found[1].decode() if found else None


def rows(
    blocks: Iterable[bytes], name: str, columns: Sequence[str], where: tuple[str, Sequence[str]]
) -> Iterator[list[tuple[bytes, ...]]]:
    """Yield lists of rows, of each the values of some columns, as they stand in the dump.

    `where` names a column and the values of it with which a row is wanted. Strings need
    `unescaped`. ValueError if the blocks are no whole dump of this table.
    """
    dump = _Dump(name, columns, where)
    for block in blocks:
        yield from dump.feed(block)
    dump.end()


def unescaped(text: bytes) -> bytes:
    """Give what a string of a dump means."""
    if b"\\" not in text and b"''" not in text:
        return text
    return _ESCAPED.sub(lambda found: _MEANT.get(found[1], found[1]) if found[1] else b"'", text)


class _Dump:
    """What is left of the blocks so far, and whether an INSERT statement goes on in the next."""

    def __init__(self, name: str, columns: Sequence[str], where: tuple[str, Sequence[str]]) -> None:
        self._name, self._columns, self._where = name, columns, where
        self._rest = b""
        self._select: _Select | None = None  # once the columns are known
        self._inside: _Select | None = None  # the same, within an INSERT statement
        self._begun = False  # with a first line to which a last line belongs

    def feed(self, block: bytes) -> Iterator[list[tuple[bytes, ...]]]:
        """Yield what has become whole with one more block."""
        self._rest += block
        while select := self._inside or self._enter():
            found, left = select(self._rest)
            read = self._rest[: len(self._rest) - len(left)]
            self._inside = None if read.rstrip().endswith(b";") else select
            self._rest = left
            yield found
            if self._inside:
                break
        if len(self._rest) > MAX_ROW:
            what = f"row of {self._name}" if self._inside else "INSERT statement"
            raise ValueError(f"has no {what} in {MAX_ROW >> 20} MiB: {_shown(self._rest)}")

    def end(self) -> None:
        """Raise ValueError if something is missing."""
        if self._inside:
            problem = f"is cut off, or wrong where a row of {self._name} should be"
            raise ValueError(f"{problem}: {_shown(self._rest)}")
        if self._select is None and table(self._rest) != self._name:
            raise ValueError(f"is no SQL dump of the table {self._name}")
        if (self._begun or _BEGUN.search(self._rest)) and _DONE not in self._rest:
            raise ValueError(f'is cut off: the last line "{_DONE.decode()} ..." is missing')

    def _enter(self) -> "_Select | None":
        insert = _INSERT.search(self._rest)
        if insert is None:
            return None
        if insert[1].decode() != self._name:
            raise ValueError(f"holds the table {insert[1].decode()}, expected {self._name}")
        if self._select is None:
            self._begun = _BEGUN.search(self._rest, 0, insert.start()) is not None
            head = self._rest[: insert.start()]
            self._select = _Select(head, self._name, self._columns, self._where)
        self._rest = self._rest[insert.end() :]
        return self._select


class _Select:
    """Finds the wanted rows in a stretch of INSERT statements."""

    def __init__(
        self, head: bytes, name: str, columns: Sequence[str], where: tuple[str, Sequence[str]]
    ) -> None:
        created = next((t for t in _TABLE.finditer(head) if t[1].decode() == name), None)
        if created is None:
            raise ValueError(f"has no CREATE TABLE `{name}`, so that its columns are not known")
        types = {column.decode(): kind for column, kind in _COLUMN.findall(created[2])}
        key, values = where
        for column in (*columns, key):
            if column not in types:
                raise ValueError(f"the table {name} has no {column}, but {', '.join(types)}")
        wanted, unwanted = [], []
        for column, kind in types.items():
            number = _NUMERIC.fullmatch(kind) is not None
            value = _NUMBER if number else _VALUE
            one_of = b"(?:" + b"|".join(re.escape(value.encode()) for value in values) + b")"
            exactly = one_of if number else rb"(?:_binary )?+'" + one_of + rb"'"
            if column == key:
                unwanted.append(rb"(?!" + exactly + rb"[,)])" + value)
            else:
                unwanted.append(value)
            inner = one_of if column == key else _NUMBER if number else _TEXT
            if column not in columns:
                wanted.append(exactly if column == key else value)
            elif number:
                wanted.append(rb"(" + inner + rb")")
            else:
                wanted.append(rb"(?:NULL|(?:_binary )?+'(" + inner + rb")')")
        next_one = rb"(?:,|;(?:\s*+INSERT INTO `" + name.encode() + rb"` VALUES)?+)"
        self._rows = re.compile(
            rb"(?s)(?:\s*+" + _row(unwanted) + next_one + rb")*+\s*+"
            rb"(?:" + _row(wanted) + next_one + rb"|(.+)|\Z)"
        )
        order = [column for column in types if column in columns]
        self._pick = itemgetter(*map(order.index, columns))

    def __call__(self, text: bytes) -> tuple[list[tuple[bytes, ...]], bytes]:
        """Give the wanted rows of a text that starts with one, and what follows the last row."""
        found = self._rows.findall(text)
        left = b""
        while found and not any(found[-1][:-1]):  # no row: the rest, or the end
            left = found.pop()[-1] or left
        return list(map(self._pick, found)), left


def _row(values: Iterable[bytes]) -> bytes:
    return rb"\(" + b",".join(values) + rb"\)"


def _shown(rest: bytes) -> str:
    return repr(rest[:60].decode("utf-8", "replace"))
