"""Words per second of code-switching from file to file, beside the two ends of what there is.

    python benchmarks/codeswitch.py [examples, 40000]

Each reads the same training examples (JSONL) and writes them again: the paper's procedure, done
plainly with NLTK's Treebank tokenizer; a bare loop that parses and writes JSON with orjson and
switches nothing; and cstool, in one process and in two. Where it says "words seen before", cstool
knows the words of the file from a first pass, as it does after some millions of words.

They take turns; the best time of each counts, loading a lexicon or starting a process excluded.
Texts are the English pairs of CSTOOL_REAL_DATA, or those of the demo over and over; the lexicon is
made of its dictionaries (75,000 entries, phrases of up to 5 words), or is the shipped one.
"""

import itertools
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from nltk.tokenize import TreebankWordDetokenizer, TreebankWordTokenizer
from turns import best_of

from cstool import files, formats, parallel
from cstool.blocks import BlockSwitcher
from cstool.codeswitch import Switcher
from cstool.lexicons import store
from cstool.records import Entry, Example

ROUNDS = 3
BATCH = 64
ENTRIES = 75_000
LANGUAGES = ("de", "es", "ru", "ar", "it")
ROOT = Path(__file__).parents[1]
REAL = os.environ.get("CSTOOL_REAL_DATA")


def pairs() -> Iterator[tuple[str, str]]:
    """Yield English queries and passages, from the start again when there are no more."""
    if REAL:
        paths = [Path(REAL) / "train" / f"en.{name}.jsonl.gz" for name in ("wiki", "other")]
        read = (files.read(path, formats.parse_pair) for path in paths)
        found = [(pair.query, pair.passage) for each in read for pair in each]
    else:
        data = ROOT / "examples/demo/data/train"
        queries, passages = (
            {text.id: text.text for text in files.read(data / name, formats.parse_text)}
            for name in ("queries.tsv", "passages.tsv")
        )
        qrels = files.read(data / "qrels.tsv", formats.parse_qrel)
        found = [(queries[qrel.qid], passages[qrel.pid]) for qrel in qrels]
    return itertools.cycle(found)


def write_examples(path: Path, count: int) -> None:
    """Write so many training examples."""
    with path.open("wb") as out:
        for number, (query, passage) in enumerate(itertools.islice(pairs(), count)):
            row = {"qid": f"q{number}", "query": query, "pid": f"p{number}", "passage": passage}
            out.write(orjson.dumps({**row, "label": 1}) + b"\n")


def entries(language: str) -> Iterator[Entry]:
    """Yield entries of a dictionary, phrases of up to five words first."""
    if not REAL:
        path = store.SHIPPED / "wiki" / store.file_name("en", language)
        yield from files.read(path, formats.parse_entry)
        return
    seen: set[str] = set()
    folder = Path(REAL) / "dictionaries"
    for path in (folder / f"omw/en-{language}.tsv.gz", folder / f"muse/en-{language}.txt.gz"):
        for entry in files.read(path, formats.parse_word_pair) if path.exists() else ():
            if entry.source not in seen and entry.source.count(" ") < 5 and len(seen) < ENTRIES:
                seen.add(entry.source)
                yield entry


def plain(path: Path, out: Path, table: dict[str, str]) -> None:
    """Do what the paper does: tokens, each replaced with a probability, put together again."""
    rng, tokenizer, joiner = random.Random(1), TreebankWordTokenizer(), TreebankWordDetokenizer()
    with path.open(encoding="utf-8") as lines, out.open("w", encoding="utf-8") as made:
        for line in lines:
            row = json.loads(line)
            for side in ("query", "passage"):
                row[side] = joiner.detokenize(
                    [
                        table.get(token.lower(), token) if rng.random() < 0.5 else token
                        for token in tokenizer.tokenize(row[side])
                    ]
                )
            made.write(json.dumps(row) + "\n")


def bare(path: Path, out: Path) -> None:
    """Parse and write, and nothing else."""
    with path.open("rb") as lines, out.open("wb") as made:
        for line in lines:
            made.write(orjson.dumps(orjson.loads(line)) + b"\n")


def switch(path: Path, out: Path, switcher: Switcher, workers: int) -> None:
    """Do what the command does."""
    with parallel.processes(BlockSwitcher(switcher), workers) as work, out.open("wb") as made:
        made.writelines(done.lines for done in work(files.blocks(path)))


def in_training(switcher: Switcher, rows: list[Example]) -> None:
    """Do what a training on the fly does."""
    for begin in range(0, len(rows), BATCH):
        switcher.records(rows[begin : begin + BATCH], epoch=0)


def main() -> None:
    """Run all in turn and print the best of each."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 40_000
    languages = LANGUAGES if REAL else tuple(store.pairs(store.find("wiki"), "en"))
    tables = {language: store.Table.of(entries(language)) for language in languages}
    first = languages[0]
    print(", ".join(f"{name}: {len(table.best)} entries" for name, table in tables.items()))

    def fresh(*names: str) -> Switcher:  # that has seen no text
        sides = dict.fromkeys(("query", "passage"), names)
        return Switcher({name: tables[name] for name in names}, sides, 0.5, 1)

    with tempfile.TemporaryDirectory() as made:
        path, out = Path(made) / "train.jsonl", Path(made) / "out.jsonl"
        write_examples(path, count)
        rows = files.read(path, formats.parse_example)
        words = sum(len(row.query.split()) + len(row.passage.split()) for row in rows)
        print(f"{count} examples, {words / 1e6:.1f} million words (between spaces)")
        best, known = dict(tables[first].best), fresh(first)
        switch(path, out, known, 1)
        jobs: dict[str, Callable[[], object]] = {
            "the paper's procedure": lambda: plain(path, out, best),
            "bare loop, no switching": lambda: bare(path, out),
            "cstool, one language": lambda: switch(path, out, fresh(first), 1),
            "cstool, words seen before": lambda: switch(path, out, known, 1),
            f"cstool, {len(languages)} languages": lambda: switch(path, out, fresh(*languages), 1),
            "cstool, one, 2 workers": lambda: switch(path, out, fresh(first), 2),
        }
        times = best_of(ROUNDS, jobs)
        rows = list(files.read(path, formats.parse_example))
        switcher = fresh(*languages)
        supply = best_of(ROUNDS, {"": lambda: in_training(switcher, rows)})[""]
    slow, fast = list(times.values())[:2]
    print("                          million words/s   of the paper's   of the bare loop")
    for name, seconds in times.items():
        rate = words / seconds / 1e6
        print(f"{name:26} {rate:14.2f} {slow / seconds:14.1f} x {fast / seconds:15.1%}")

    print(f"on the fly in training, batches of {BATCH}: {count / supply:.0f} pairs/s")


if __name__ == "__main__":
    main()
