"""How good lexicons from every source are, on held-out words of MUSE's dictionaries.

CSTOOL_REAL_DATA=/path python benchmarks/lexicons.py [FOLDER]

Every fifth source word of MUSE's dictionary, by the SHA-256 of the word, is gold; the pairs of the
others are the seed pairs. Every lexicon is made and measured by a command, which is printed; the
tables of docs/lexicons.md come last. FOLDER (build/lexicons) keeps the word vectors, whose training
takes most of the time.
"""

import csv
import hashlib
import os
import shlex
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from cstool import files, formats, tables
from cstool.lexicons import store

DATA = Path(os.environ["CSTOOL_REAL_DATA"])
CSTOOL = Path(sys.executable).with_name("cstool")
LANGUAGES = ("de", "es", "ru")
TRAINING = "--dim 100 --epochs 5"
# Ten translations of each word, so that precision@10 can be measured.
EMBEDDINGS = {
    "nearest neighbour": "--align procrustes --refine 0 --neighbours nn",
    "CSLS": "--align procrustes --refine 0",
    "CSLS, refined": "--align procrustes --refine 5",
    "CSLS, RCSLS": "--align rcsls --refine 0",
    "CSLS, RCSLS, refined": "--align rcsls --refine 5",
}
FILTERED = "CSLS"
FILTERS = {
    "+ mutual": "--mutual",
    "+ score": "--min-score 0",
    "+ margin": "--min-margin 0.05",
    "+ frequency": "--max-rank-ratio 4",
    "+ no identical": "--drop-identical",
    "+ mutual, frequency": "--mutual --max-rank-ratio 4",
}
TITLES = {"es": "wikipedia-titles.en-es.tsv.gz"}
NAMES = {"ru": "wikidata-name-tokens.en-ru.tsv.gz"}
SHIPPED = ("de", "ru")

Row = dict[str, str]  # of `cstool lexicon evaluate --format tsv`


def cstool(*words: object) -> str:
    """Run a command, show it, and give its standard output."""
    call = [str(word) for word in words]
    print(f"$ cstool {shlex.join(call)}", flush=True)
    done = subprocess.run([CSTOOL, *call], stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout


def is_gold(source: str) -> bool:
    """Tell whether a word is held out from the seed pairs."""
    return hashlib.sha256(store.source_key(source).encode()).digest()[0] % 5 == 0


def split(language: str, folder: Path) -> tuple[Path, Path]:
    """Write gold and seed pairs."""
    muse = DATA / f"dictionaries/muse/en-{language}.txt.gz"
    pairs = list(files.read(muse, formats.parse_word_pair))
    gold, seeds = folder / f"gold.en-{language}.tsv", folder / f"seeds.en-{language}.tsv"
    files.write(gold, [pair for pair in pairs if is_gold(pair.source)], formats.format_entry)
    files.write(seeds, [pair for pair in pairs if not is_gold(pair.source)], formats.format_entry)
    return gold, seeds


def train(language: str, seeds: Path, folder: Path) -> None:
    """Train vectors for English and a language, unless they are there."""
    if (folder / f"{language}.vec").exists():
        return
    english = folder / "en.vec"
    source = english if english.exists() else DATA / "mono/en.txt.gz"
    target = ["--target", DATA / f"mono/{language}.txt.gz", "--target-lang", language]
    given = ["--source", source, *target, "--seed-pairs", seeds, "--vectors", folder]
    cstool("induce-lexicon", "text", *given, "-o", folder / "text", *TRAINING.split())


def made(language: str, seeds: Path, folder: Path) -> Iterator[tuple[str, Path | str]]:
    """Make the lexicons for a language: what they are called, and where they lie."""
    into = ["--target-lang", language]
    vectors = ["--source", folder / "en.vec", "--target", folder / f"{language}.vec", *into]
    best = ["--seed-pairs", seeds, "--max-translations", 10]
    filtered = {name: f"{EMBEDDINGS[FILTERED]} {options}" for name, options in FILTERS.items()}
    for name, options in [*EMBEDDINGS.items(), *filtered.items()]:
        path = folder / f"lexicons/{name.replace(' ', '-')}"
        cstool("induce-lexicon", "embeddings", *vectors, *best, *options.split(), "-o", path)
        yield name, path
    for name, pattern in (("titles", TITLES), ("names", NAMES)):
        if language in pattern:
            titles = DATA / "dictionaries/titles" / pattern[language]
            command = "titles" if name == "titles" else "dictionary"
            cstool("induce-lexicon", command, titles, *into, "-o", folder / "lexicons" / name)
            yield f"Wikipedia {name}", folder / "lexicons" / name
    if language in SHIPPED:
        yield "wiki (shipped)", "wiki"
    wordnet = DATA / f"dictionaries/omw/en-{language}.tsv.gz"
    cstool("induce-lexicon", "dictionary", wordnet, *into, "-o", folder / "lexicons/wordnets")
    yield "wordnets", folder / "lexicons/wordnets"
    both = [folder / "lexicons/wordnets=2", folder / f"lexicons/{FILTERED}"]
    for how in ("priority", "intersection"):
        merged = folder / f"lexicons/{how}"
        given = [str(path).removesuffix("=2") if how == "priority" else path for path in both]
        cstool("lexicon", "merge", *given, "--how", how, "-o", merged)
        yield f"wordnets and {FILTERED}, {how}", merged


def measure(language: str, folder: Path) -> Iterator[list[str]]:
    """Yield a row of the table for each lexicon of a language."""
    gold, seeds = split(language, folder)
    train(language, seeds, folder)
    for name, lexicon in made(language, seeds, folder):
        given = [gold, lexicon, "--target-lang", language, "--exclude", seeds]
        lines = cstool("lexicon", "evaluate", *given, "--format", "tsv").splitlines()
        found: dict[tuple[str, str], Row] = defaultdict(dict)
        for row in csv.DictReader(lines, delimiter="\t"):
            found[row["over"], row["measure"]] = row
        covered = [found["covered", f"precision@{cutoff}"] for cutoff in (1, 5, 10)]
        shares = [found["all", "coverage"], *covered, found["all", "precision@1"]]
        yield [language, name, covered[0]["of"], *map(_cell, shares)]


def _cell(row: Row) -> str:
    value, low, high = (100 * float(row[name]) for name in ("value", "low", "high"))
    return f"{value:.1f} [{low:.1f}, {high:.1f}]"


def main() -> None:
    """Print the commands and the table, in percent with 95 % intervals."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/lexicons")
    folder.mkdir(parents=True, exist_ok=True)
    header = ["lang", "lexicon", "words", "coverage", "P@1", "P@5", "P@10", "P@1 of all"]
    rows = [row for language in LANGUAGES for row in measure(language, folder)]
    for line in tables.listing("markdown", header, rows):
        print(line)


if __name__ == "__main__":
    main()
