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

PATTERNS = {"MUSE": "muse/en-{}.txt.gz", "OMW": "omw/en-{}.tsv.gz"}


def main() -> None:
    """Print a line for each language and dictionary that there is."""
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
