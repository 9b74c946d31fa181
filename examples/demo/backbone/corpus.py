"""The text that the backbone learns from: public domain and CC0, a paragraph per line.

`TEXT/LANG.txt.gz` holds novels and plays (public domain); `text/LANG.txt` beside this file was
written for cstool (CC0) where those are of little use: for Arabic, and for Dutch, whose plays are
400 years old.
"""

import gzip
import random
from collections.abc import Iterator
from pathlib import Path

LANGUAGES = ("en", "de", "it", "nl", "ru", "ar")
OWN = Path(__file__).parent / "text"
ONLY_OWN = ("ar",)
_LONGEST = 800  # characters of a paragraph


def paragraphs(language: str, folder: Path, *, characters: int) -> Iterator[str]:
    """Yield paragraphs in a fixed random order, up to about this many characters.

    Our own text comes first and is repeated until it makes up a quarter of them.
    """
    own, other = [], []
    if (OWN / f"{language}.txt").exists():
        own = (OWN / f"{language}.txt").read_text(encoding="utf-8").splitlines()
    if language not in ONLY_OWN:
        with gzip.open(folder / f"{language}.txt.gz", "rt", encoding="utf-8") as lines:
            other = [line.strip()[:_LONGEST] for line in lines if len(line.split()) >= 12]
        random.Random(language).shuffle(other)
    yielded = 0
    while own and yielded < (characters / 4 if other else characters):
        for paragraph in own:
            yielded += len(paragraph)
            yield paragraph
    for paragraph in other:
        if yielded >= characters:
            return
        yielded += len(paragraph)
        yield paragraph
