"""How far the shipped wiki lexicon agrees with MUSE and the Open Multilingual Wordnet.

CSTOOL_REAL_DATA=/path python benchmarks/wiki_lexicon.py

Of the English entries that a dictionary has too, the share whose translation is among those that
it gives. Letter case does not count, nor does the definite article of Arabic.
"""

import os
from collections import defaultdict
from pathlib import Path

from cstool import files, formats
from cstool.lexicons import store
from cstool.records import Entry

PATTERNS = {"MUSE": "muse/en-{}.txt.gz", "OMW": "omw/en-{}.tsv.gz"}


def back_translated(language: str, entries: list[Entry]) -> float:
    """Give the share of entries whose translation, seen alone, was translated back into them."""
    path = Path(__file__).parent / f"back_translations/{language}.tsv"
    lines = path.read_text(encoding="utf-8").casefold().splitlines()
    known = {word: back.split("; ") for word, back in (line.split("\t") for line in lines)}
    return sum(e.source.casefold() in known[e.target.casefold()] for e in entries) / len(entries)


def main() -> None:
    """Print the back-translations, and a line for each language and dictionary that there is."""
    for language, path in store.pairs(store.find("wiki"), source="en").items():
        share = back_translated(language, list(files.read(path, formats.parse_entry)))
        print(f"{language}: {share:.1%} translated back into the entry")
    dictionaries = Path(os.environ["CSTOOL_REAL_DATA"]) / "dictionaries"
    print("language  dictionary  entries in both  agree  differ, for example")
    for language, path in store.pairs(store.find("wiki"), source="en").items():
        entries = list(files.read(path, formats.parse_entry))
        for name, pattern in PATTERNS.items():
            other = dictionaries / pattern.format(language)
            if not other.exists():
                continue
            known = defaultdict(set)
            for pair in files.read(other, formats.parse_word_pair, reject=lambda *_: None):
                known[pair.source.casefold()].add(_plain(pair.target, language))
            both = [entry for entry in entries if entry.source.casefold() in known]
            differ = [
                entry
                for entry in both
                if _plain(entry.target, language) not in known[entry.source.casefold()]
            ]
            shown = ", ".join(f"{entry.source} = {entry.target}" for entry in differ[::150])
            share = 1 - len(differ) / len(both)
            print(f"{language:8}  {name:10}  {len(both):15,}  {share:5.1%}  {shown}")


def _plain(word: str, language: str) -> str:
    return word.casefold().removeprefix("ال" if language == "ar" else "")


if __name__ == "__main__":
    main()
