"""Lexicons from the titles of the same articles in several Wikipedias.

Links between titles come from dumps, from Linguatools' XML or from TSV (`wikipedia`, `wikititles`,
`formats`). They are kept on disk until all titles are known, because whether one may lose its
"(film)" depends on all others; in memory stay 16 bytes a title and 9 a pair.
"""

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from operator import eq
from typing import BinaryIO, NamedTuple, TypeVar

from cstool.lexicons.casing import Casing, running
from cstool.lexicons.dictionaries import BROKEN, Account, ranked
from cstool.lexicons.titleindex import TitleIndex, hashes, keys
from cstool.lexicons.titlerules import Kept, Rules, keep
from cstool.records import Entry

Item = TypeVar("Item")

_BATCH = 1 << 14  # titles that are looked at together
_SIZE = 1 << 20  # bytes of titles that are read again together


class Link(NamedTuple):
    """The title of an article, and what the article is called in another language."""

    source: str
    language: str
    target: str


def links(
    rows: Iterable[Sequence[str]], languages: Sequence[str], index: "TitleIndex"
) -> Iterator[Link]:
    """Yield the links of rows: a title, and what it is in each of the languages, or nothing."""
    for batch in _batches(rows):
        index.add([row[0] for row in batch])
        for source, *targets in batch:
            for language, target in zip(languages, targets, strict=True):
                if target:
                    yield Link(source, language, target)


class Harvest:
    """The links of a wiki to some languages: gathered in one pass, cleaned when all are known.

    `scratch` opens an empty file, for what memory is too dear.
    """

    def __init__(
        self, source_lang: str, languages: Sequence[str], scratch: Callable[[], BinaryIO]
    ) -> None:
        self.source_lang, self.languages = source_lang, languages
        self.index = TitleIndex()
        self.casing = {language: Casing() for language in (source_lang, *languages)}
        self.left_out: dict[str, Counter[str]] = {language: Counter() for language in languages}
        self._pairs = {language: scratch() for language in languages}
        self._scratch = scratch

    def take(self, links: Iterable[Link]) -> None:
        """Keep links, learn from their titles how words are written, and close the index."""
        gathered: dict[str, tuple[list[str], list[str]]] = {}
        titles: list[str] = []
        last = ""
        for number, (source, language, target) in enumerate(links, start=1):
            sources, targets = gathered.setdefault(language, ([], []))
            sources.append(source)
            targets.append(target)
            if source != last:
                titles.append(last := source)
            if number % _BATCH == 0:
                self._keep(titles, gathered)
                titles.clear()
                gathered.clear()
        self._keep(titles, gathered)
        self.index.close()

    def _keep(
        self, titles: Sequence[str], gathered: Mapping[str, tuple[Sequence[str], Sequence[str]]]
    ) -> None:
        """Write links of some languages, but for those that a TSV cannot hold, and learn."""
        self.casing[self.source_lang].see_titles(titles)
        for language, (sources, targets) in gathered.items():
            whole = sources, targets
            if not all(targets) or BROKEN.search("".join([*sources, *targets])):
                pairs = [
                    pair
                    for pair in zip(sources, targets, strict=True)
                    if pair[1] and not any(map(BROKEN.search, pair))
                ]
                self.left_out[language]["broken"] += len(targets) - len(pairs)
                whole = [source for source, _ in pairs], [target for _, target in pairs]
            self.casing[language].see_titles(whole[1])
            _write(self._pairs[language], *whole)

    def entries(self, rules: Rules, account: Account) -> Iterator[Entry]:
        """Yield the entries for one language; sources with several translations come last."""
        account.left_out += self.left_out[rules.target_lang]
        cleaned, phrases, identical = self._scratch(), array("Q"), bytearray()
        for titles in _read(self._pairs[rules.target_lang]):
            kept = keep(*titles, rules, self.index, account.left_out)
            targets = self._in_running_text(kept, rules) if rules.running_case else kept.targets
            _write(cleaned, kept.sources, targets)
            either = zip(kept.phrases, kept.keys, strict=True)
            phrases.extend(hashes([phrase or key for phrase, key in either]))
            identical += bytes(map(eq, kept.keys, keys(targets)))
            account.unmatchable += kept.phrases.count(None)
        several = _repeated(phrases)
        together: list[Entry] = []
        alone = 0
        found = (pair for titles in _read(cleaned) for pair in zip(*titles, strict=True))
        for phrase, same, pair in zip(phrases, identical, found, strict=True):
            if phrase in several:
                together.append(Entry(*pair))
            elif same and not rules.keep_identical:
                account.left_out["identical"] += 1
            else:
                alone += 1
                account.identical += same
                yield Entry(*pair)
        rest = Account(left_out=account.left_out)
        yield from ranked(together, rest, keep_identical=rules.keep_identical)
        account.entries += alone + rest.entries
        account.sources += alone + rest.sources
        account.identical += rest.identical

    def _in_running_text(self, kept: Kept, rules: Rules) -> list[str]:
        languages = rules.source_lang, rules.target_lang
        return [
            running(source, target, languages, self.casing, rules.common)
            for source, target in zip(kept.sources, kept.targets, strict=True)
        ]


def _batches(items: Iterable[Item]) -> Iterator[list[Item]]:
    stream = iter(items)
    while batch := list(islice(stream, _BATCH)):
        yield batch


def _write(out: BinaryIO, sources: Iterable[str], targets: Iterable[str]) -> None:
    pairs = zip(sources, targets, strict=True)
    out.write("".join([f"{source}\t{target}\n" for source, target in pairs]).encode())


def _read(pairs: BinaryIO) -> Iterator[tuple[list[str], list[str]]]:
    """Yield some sources and their targets, again and again."""
    pairs.seek(0)
    while lines := pairs.readlines(_SIZE):
        fields = b"".join(lines).decode("utf-8").replace("\n", "\t").split("\t")[:-1]
        yield fields[::2], fields[1::2]


def _repeated(phrases: "array[int]") -> frozenset[int]:
    import numpy as np

    values, counts = np.unique(np.asarray(phrases), return_counts=True)
    return frozenset(values[counts > 1].tolist())
