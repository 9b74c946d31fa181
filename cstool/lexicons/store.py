"""Lexicon folders: NAME/en-de.tsv, NAME/en-ru.tsv, ... found by name or path, and loaded."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cstool import words
from cstool.errors import CstoolError
from cstool.records import Entry

SHIPPED = Path(__file__).parent / "shipped"
_FILE = re.compile(r"(?P<source>[a-z_]+)-(?P<target>[a-z_]+)\.tsv(?:\.gz)?")


@dataclass(frozen=True)
class Table:
    """One language pair, ready for matching: keys of source phrases to their best translation."""

    best: Mapping[str, str]
    longest: Mapping[str, int]  # first word -> words of the longest phrase that starts with it
    unmatchable: int  # entries that no text can match, such as "9/11"

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Table":
        """Index entries; of several translations the first, which is the best, is kept."""
        best: dict[str, str] = {}
        longest: dict[str, int] = {}
        unmatchable = 0
        for entry in entries:
            phrase = words.phrase_key(entry.source)
            if phrase is None:
                unmatchable += 1
                continue
            best.setdefault(phrase, entry.target)
            parts = phrase.split(" ")
            longest[parts[0]] = max(longest.get(parts[0], 0), len(parts))
        return cls(best, longest, unmatchable)

    def match(
        self, text: str, found: Sequence[tuple[int, int]], keys: Sequence[str], position: int
    ) -> tuple[int, str] | None:
        """Find the longest phrase that starts at a word: its number of words, its translation.

        `found` are the spans of all words of the text and `keys` their keys; None if no phrase of
        the table starts at the word with this number.
        """
        word = keys[position]
        longest = self.longest.get(word)
        if longest is None:
            return None
        for length in range(min(longest, len(keys) - position), 0, -1):
            span = slice(position, position + length)
            target = self.best.get(" ".join(keys[span]) if length > 1 else word)
            if target is not None and (length == 1 or words.one_phrase(text, found[span])):
                return length, target
        return None


Lexicon = Mapping[str, Table]  # target language -> table


def find(name: str) -> Path:
    """Find a lexicon: the path itself, ./lexicons, $CSTOOL_HOME/lexicons, the shipped ones."""
    home = os.environ.get("CSTOOL_HOME")
    places = [Path(name), Path("lexicons") / name]
    places += [Path(home) / "lexicons" / name] if home else []
    places += [SHIPPED / name]
    for place in places:  # a folder of that name need not be a lexicon
        if os.access(place, os.R_OK) and (place.is_file() or any(map(_named, place.iterdir()))):
            return place
    looked = ", ".join(str(place) for place in places)
    raise CstoolError(f"no lexicon {name}: looked at {looked}; shipped: {', '.join(shipped())}")


def _named(path: Path) -> bool:
    return _FILE.fullmatch(path.name) is not None


def shipped() -> list[str]:
    """Name the lexicons that come with the package."""
    return sorted(path.name for path in SHIPPED.iterdir() if path.is_dir())


def pairs(path: Path, source: str) -> dict[str, Path]:
    """List the files of a lexicon with this source language: target language -> file."""
    found = _pairs(path, source)
    if not found:
        raise CstoolError(f"{path}: {_lacks(path)} such as {source}-de.tsv")
    return found


def pair(path: Path, source: str, target: str) -> tuple[Path, bool]:
    """Find the file for one pair of languages, and tell whether it has to be inverted for it."""
    if file := _pairs(path, source).get(target):
        return file, False
    if file := _pairs(path, target).get(source):
        return file, True
    names = f"{file_name(source, target)} or {file_name(target, source)}"
    raise CstoolError(f"{path}: {_lacks(path)} {names}")


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
) -> dict[str, Table]:
    """Load the tables of some languages; CstoolError for a language that the lexicon lacks."""
    wanted = list(languages)
    if missing := sorted(set(wanted) - set(files)):
        raise CstoolError(f"no {', '.join(missing)} in this lexicon; it has {', '.join(files)}")
    return {language: Table.of(read(files[language])) for language in wanted}


def file_name(source: str, target: str) -> str:
    """Give the name of a language pair's file."""
    return f"{source}-{target}.tsv"


def _pairs(path: Path, source: str) -> dict[str, Path]:
    candidates = [path] if path.is_file() else sorted(path.iterdir())
    found: dict[str, Path] = {}
    for file in candidates:
        match = _FILE.fullmatch(file.name)
        if match and match["source"] == source:
            if other := found.get(match["target"]):
                raise CstoolError(f"{path}: holds both {other.name} and {file.name}")
            found[match["target"]] = file
    return found


def _lacks(path: Path) -> str:
    return f"{'is' if path.is_file() else 'holds'} no file"
