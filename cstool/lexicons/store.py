"""Lexicon folders: NAME/en-de.tsv, NAME/en-ru.tsv, ... found by name or path, and loaded."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cstool import words
from cstool.errors import CstoolError
from cstool.records import Entry
from cstool.settings import Switching

SHIPPED = Path(__file__).parent / "shipped"
_FILE = re.compile(r"(?P<source>[a-z_]+)-(?P<target>[a-z_]+)\.tsv(?:\.gz)?")


@dataclass(frozen=True)
class Table:
    """One language pair, ready for matching: keys of source phrases to their best translation.

    `longest` has the phrases of more than one unit: their first unit -> units of the longest.
    `several` is filled only if it is asked for: all translations of a phrase that has more than
    one, with their scores, best first.
    """

    best: Mapping[str, str]
    longest: Mapping[str, int]
    unmatchable: int  # entries that no text can match, such as "9/11"
    several: Mapping[str, Mapping[str, float]]

    @classmethod
    def of(
        cls,
        entries: Iterable[Entry],
        *,
        max_words: int = Switching.max_phrase,
        several: bool = False,
    ) -> "Table":
        """Index entries; of several translations the first, which is the best, is kept.

        Entries of more than `max_words` words are left out, and counted with the unmatchable.
        """
        best: dict[str, str] = {}
        longest: dict[str, int] = {}
        unmatchable = 0
        every: defaultdict[str, dict[str, float]] = defaultdict(dict)
        for entry in entries:
            if not entry.target:
                raise CstoolError(f"{entry.source!r} has nothing as its translation in the lexicon")
            phrase = words.phrase_key(entry.source)
            if phrase is None or phrase.count(" ") >= max_words:
                unmatchable += 1
                continue
            best.setdefault(phrase, entry.target)
            if several:
                every[phrase].setdefault(entry.target, entry.score)
            if not phrase.isascii() or " " in phrase:
                found = words.units(entry.source)
                if len(found) > 1:
                    start, end = found[0]
                    first = words.key(entry.source[start:end])
                    longest[first] = max(longest.get(first, 0), len(found))
        return cls(
            best, longest, unmatchable, {key: all_ for key, all_ in every.items() if len(all_) > 1}
        )

    def match(
        self, text: str, found: Sequence[tuple[int, int]], keys: Sequence[str], position: int
    ) -> tuple[int, str] | None:
        """Find the longest phrase that starts at a unit: its number of units, its key.

        `found` are all units of the text (`words.units`) and `keys` their keys; None if no phrase
        of the table starts at the unit with this number.
        """
        longest = self.longest.get(keys[position], 1)
        for length in range(min(longest, len(keys) - position), 1, -1):
            units = slice(position, position + length)
            if words.one_phrase(text, found[units]):
                phrase = words.joined(keys[units], found[units])
                if phrase in self.best:
                    return length, phrase
        return (1, keys[position]) if keys[position] in self.best else None


Lexicon = Mapping[str, Table]  # target language -> table


def find(name: str) -> Path:
    """Find a lexicon: the path itself, ./lexicons, $CSTOOL_HOME/lexicons, the shipped ones."""
    places = [Path(name), *(shelf / name for shelf in _shelves())]
    for place in places:
        if os.access(place, os.R_OK) and (place.is_file() or _is_lexicon(place)):
            return place
    looked = ", ".join(str(place) for place in places)
    known = ", ".join(dict.fromkeys(place.name for place in everywhere()))
    raise CstoolError(f"no lexicon {name}: looked at {looked}; there are {known}")


def everywhere() -> list[Path]:
    """List the folders of all lexicons that have a name; of equal names `find` takes the first."""
    return [
        place
        for shelf in _shelves()
        if shelf.is_dir() and os.access(shelf, os.R_OK)
        for place in sorted(shelf.iterdir())
        if place.is_dir() and os.access(place, os.R_OK) and _is_lexicon(place)
    ]


def _shelves() -> list[Path]:
    home = os.environ.get("CSTOOL_HOME")
    return [Path("lexicons"), *([Path(home) / "lexicons"] if home else []), SHIPPED]


def _is_lexicon(folder: Path) -> bool:
    """Tell it from another folder of that name."""
    return any(_FILE.fullmatch(path.name) for path in folder.iterdir())


def shipped() -> list[str]:
    """Name the lexicons that come with the package."""
    return sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())


def pairs(path: Path, source: str) -> dict[str, Path]:
    """List the files of a lexicon with this source language: target language -> file."""
    found = _pairs(path, source)
    if not found:
        raise CstoolError(f"{path}: {_lacks(path)} such as {source}-de.tsv{_has(path)}")
    return found


def every_pair(path: Path) -> dict[tuple[str, str], Path]:
    """List all files of a lexicon: source and target language -> file."""
    found = _every_pair(path)
    if not found:
        raise CstoolError(f"{path}: {_lacks(path)} such as en-de.tsv")
    return found


def pair(path: Path, source: str, target: str) -> tuple[Path, bool]:
    """Find the file for one pair of languages, and tell whether it has to be inverted for it."""
    if file := _pairs(path, source).get(target):
        return file, False
    if file := _pairs(path, target).get(source):
        return file, True
    names = f"{file_name(source, target)} or {file_name(target, source)}"
    raise CstoolError(f"{path}: {_lacks(path)} {names}{_has(path)}")


def source_key(source: str) -> str:
    """Give the key under which texts find a source; one that no text can match has its own."""
    return words.phrase_key(source) or words.key(source)


def invert(entries: Iterable[Entry]) -> Iterator[Entry]:
    """Turn translations round, in the same order.

    Dictionaries put frequent words first: of several sources with the same translation the first
    becomes its best translation, whatever the scores, which compare translations of one source.
    """
    for entry in entries:
        yield Entry(entry.target, entry.source, entry.score)


def load(
    files: Mapping[str, Path],
    languages: Iterable[str],
    read: Callable[[Path], Iterator[Entry]],
    index: Callable[[Iterator[Entry]], Table] = Table.of,
) -> dict[str, Table]:
    """Load the tables of some languages.

    CstoolError for a language that the lexicon lacks, and for a table that knows nothing.
    """
    wanted = list(languages)
    if missing := sorted(set(wanted) - set(files)):
        raise CstoolError(f"no {', '.join(missing)} in this lexicon; it has {', '.join(files)}")
    tables = {language: index(read(files[language])) for language in wanted}
    for language, table in tables.items():
        if not table.best:
            raise CstoolError(f"{files[language]}: has no entry that a text could match")
    return tables


def file_name(source: str, target: str) -> str:
    """Give the name of a language pair's file."""
    return f"{source}-{target}.tsv"


def _pairs(path: Path, source: str) -> dict[str, Path]:
    pairs = _every_pair(path).items()
    return {target: file for (language, target), file in pairs if language == source}


def _every_pair(path: Path) -> dict[tuple[str, str], Path]:
    found: dict[tuple[str, str], Path] = {}
    for file in [path] if path.is_file() else sorted(path.iterdir()):
        if match := _FILE.fullmatch(file.name):
            languages = match["source"], match["target"]
            if other := found.get(languages):
                raise CstoolError(f"{path}: holds both {other.name} and {file.name}")
            found[languages] = file
    return found


def _has(path: Path) -> str:
    """Name the pairs of languages that there are."""
    names = ", ".join("-".join(pair) for pair in _every_pair(path))
    return f"; it has {names}" if names else ""


def _lacks(path: Path) -> str:
    return f"{'is' if path.is_file() else 'holds'} no file"
