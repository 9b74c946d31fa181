"""Lexicons from dictionaries: pairs of words as MUSE has them, TSV, CSV, or Wiktextract's JSONL.

MUSE is Conneau et al. 2018 (arXiv 1710.04087).
"""

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field

from cstool import formats, words
from cstool.lexicons.wiktextract import Wiktextract
from cstool.records import Entry

# No word of a TSV: control characters (line breaks and the tab are some), two further line breaks,
# and what comes of bytes that are no UTF-8.
BROKEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffd]")
_MAX_FIELD = 1 << 20  # characters of a quoted field that goes on over several lines

Parse = Callable[[str], Sequence[tuple[str, Entry]]]  # languages with entries


@dataclass
class Account:
    """What a lexicon holds, and what was left out of it, by reason."""

    entries: int = 0
    sources: int = 0
    identical: int = 0  # entries whose sides are the same but for case
    unmatchable: int = 0  # sources that no text can match, such as "9/11"
    left_out: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, entries: Sequence[Entry], left_out: Counter[str]) -> "Account":
        """Count the entries of a whole lexicon."""
        sources = {entry.source for entry in entries}
        return cls(
            entries=len(entries),
            sources=len(sources),
            identical=sum(words.key(entry.source) == words.key(entry.target) for entry in entries),
            unmatchable=sum(words.phrase_key(source) is None for source in sources),
            left_out=left_out,
        )

    def summary(self) -> dict[str, object]:
        """Give all counts by name."""
        return asdict(self) | {"left_out": dict(sorted(self.left_out.items()))}


def ranked(
    pairs: Iterable[Entry],
    account: Account,
    *,
    max_translations: int | None = None,
    keep_identical: bool = True,
) -> list[Entry]:
    """Group the pairs by source; the score of a translation is one by its rank.

    Sources come in the order of their first appearance, their translations too: dictionaries put
    the best first. A pair that comes again is dropped. Identical are words that differ in nothing
    but case; the dictionary that the paper uses has many, and keeps them.
    """
    targets: dict[str, dict[str, None]] = {}
    for pair in pairs:
        known = targets.setdefault(pair.source, {})
        same = words.key(pair.source) == words.key(pair.target)
        if same and not keep_identical:
            account.left_out["identical"] += 1
        elif pair.target in known:
            account.left_out["repeated"] += 1
        elif max_translations is not None and len(known) >= max_translations:
            account.left_out["beyond the best"] += 1
        else:
            account.identical += same
            known[pair.target] = None
    entries = [
        Entry(source, target, 1 / rank)
        for source, known in targets.items()
        for rank, target in enumerate(known, start=1)
    ]
    sources = {entry.source for entry in entries}
    account.entries, account.sources = len(entries), len(sources)
    account.unmatchable = sum(words.phrase_key(source) is None for source in sources)
    return entries


class Dictionary:
    """Parses the lines of a dictionary whose format its first line tells.

    A line that begins with a brace is Wiktextract's JSON, which alone knows several languages. One
    with a tab is TSV, and one of two words a pair as in MUSE; the two may be mixed. CSV is what is
    called so, or what has a comma and is not two words.
    """

    def __init__(self, source_lang: str, languages: Sequence[str], *, is_csv: bool = False) -> None:
        self.left_out: dict[str, Counter[str]] = {language: Counter() for language in languages}
        self._source_lang, self._languages, self._is_csv = source_lang, languages, is_csv
        self._parse: Parse | None = None
        self._unclosed = ""

    def __call__(self, line: str) -> list[tuple[str, Entry]]:
        """Give what one line holds: languages with entries. ValueError if it is a wrong line."""
        self._parse = self._parse or self._parser(line)
        found = []
        for language, entry in self._parse(line):
            if BROKEN.search(entry.source) or BROKEN.search(entry.target):
                self.left_out[language]["broken"] += 1
            else:
                found.append((language, entry))
        return found

    def end(self) -> None:
        """Complain about what the last line has left open."""
        if self._unclosed:
            raise ValueError(f"ends within a quoted field: {self._unclosed[:60]!r}")

    def _parser(self, first: str) -> Parse:
        if first.lstrip().startswith("{"):
            return Wiktextract(self._source_lang, self._languages, self.left_out)
        if len(self._languages) > 1:
            several = " and ".join(self._languages)
            raise ValueError(f"{first[:60]!r}, expected JSONL: pairs are not of {several}")
        is_pair = "\t" in first or len(first.split()) == 2
        is_csv = self._is_csv or first.startswith('"') or (not is_pair and "," in first)
        return self._csv if is_csv else self._pair

    def _pair(self, line: str) -> list[tuple[str, Entry]]:
        return [(self._languages[0], formats.parse_word_pair(line))]

    def _csv(self, line: str) -> list[tuple[str, Entry]]:
        """Read a row of CSV; a quoted field may go on in the next line."""
        row = self._unclosed + line
        if row.count('"') % 2:
            self._unclosed = f"{row}\n"
            if len(row) < _MAX_FIELD:
                return []
            self._unclosed = ""
            raise ValueError(f"{row[:60]!r}, expected an end of the quoted field")
        self._unclosed = ""
        try:
            lines = (f"{part}\n" for part in row.split("\n"))
            rows = csv.reader(lines, skipinitialspace=True, strict=True)
            fields = [field.strip() for field in next(rows, ())]
        except csv.Error as error:
            raise ValueError(f"{row[:60]!r}, expected CSV: {error}") from error
        if len(fields) < 2 or not all(fields[:2]):
            raise ValueError(f"{row[:60]!r}, expected source,target")
        return [(self._languages[0], Entry(fields[0], fields[1]))]
