"""Words per second of code-switching from file to file, beside the two ends of what there is.

    python benchmarks/codeswitch.py [queries, 40000] [negatives, 3] [rounds, 1]

Each reads the same training examples (JSONL), to each query its passage and so many others as
negatives, and writes them again: the paper's procedure, done
plainly with NLTK's Treebank tokenizer; a bare loop that parses and writes JSON with orjson and
switches nothing; and cstool, in one process and in two. Where it says "words seen before", cstool
knows the words of the file from a first pass, as it does after some millions of words.

They take turns, and the best of each counts, loading a lexicon or starting a process excluded.
What is compared are seconds of a core, of all processes together, which other work on the machine
disturbs less than seconds of the clock; those are shown as well. In the end it says which part of
the program takes which share.

Texts are the English pairs of CSTOOL_REAL_DATA, or those of the demo over and over; the lexicon is
made of its dictionaries (75,000 entries, phrases of up to 5 words), or is the shipped one. If there
is bench/reference_switch.py beside CSTOOL_REAL_DATA, that is the paper's procedure; otherwise what
stands here, which does the same.
"""

import contextlib
import importlib.util
import io
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import orjson
from nltk.tokenize import TreebankWordDetokenizer, TreebankWordTokenizer

from cstool import draws, files, formats, parallel
from cstool.codeswitch import Switcher
from cstool.lexicons import store
from cstool.records import Entry, Example
from cstool.switching import batch, blocks, laid, pieces, regions, written
from cstool.switching.blocks import BlockSwitcher

BATCH = 64
ENTRIES = 75_000
LANGUAGES = ("de", "es", "ru", "ar", "it")
ROOT = Path(__file__).parents[1]
REAL = os.environ.get("CSTOOL_REAL_DATA")
REFERENCE = Path(REAL).parent / "bench" / "reference_switch.py" if REAL else Path()
# Parts of the program: what each spends in its functions, but not in those of other parts.
PARTS: Mapping[str, tuple[tuple[Any, str], ...]] = {
    "read and write JSON": ((blocks.BlockSwitcher, "__call__"),),
    "draw for the ids": ((draws, "each_named"),),
    "lay the texts, find spaces": ((laid.Laid, "of"),),
    "find chunks that are known": ((pieces.Knowledge, "chunks"), (pieces.Knowledge, "linked")),
    "look at new chunks": ((pieces.Knowledge, "_look"),),
    "take regions apart": ((batch, "cut"), (regions.Regions, "find")),
    "choose what is replaced": ((batch.Batches, "switch"), (batch.Batches, "_replaced")),
    "write new translations": ((written.Writings, "slots"),),
    "put texts together": ((batch.Batches, "_written"),),
    "count": ((batch, "account_of"),),
}


class Cost(NamedTuple):
    """Seconds of the clock, of a core in this process, and of a core in others."""

    clock: float
    here: float
    others: float

    @property
    def core(self) -> float:
        """Give the seconds of a core in all processes."""
        return self.here + self.others


def cost_of(job: Callable[[], object]) -> Cost:
    """Run a job once."""

    def now() -> Iterator[float]:
        yield time.perf_counter()
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
            usage = resource.getrusage(who)
            yield usage.ru_utime + usage.ru_stime

    before = list(now())
    job()
    return Cost(*(after - start for start, after in zip(before, now(), strict=True)))


def best_of(rounds: int, jobs: Mapping[str, Callable[[], object]]) -> dict[str, Cost]:
    """Run all jobs, one after the other, `rounds` times; give the best of each."""
    costs: dict[str, list[Cost]] = {name: [] for name in jobs}
    for _ in range(rounds):
        for name, job in jobs.items():
            costs[name].append(cost_of(job))
    return {name: min(each, key=lambda cost: cost.core) for name, each in costs.items()}


def pairs() -> list[tuple[str, str]]:
    """Read English queries and their passages."""
    if REAL:
        paths = [Path(REAL) / "train" / f"en.{name}.jsonl.gz" for name in ("wiki", "other")]
        read = (files.read(path, formats.parse_pair) for path in paths)
        return [(pair.query, pair.passage) for each in read for pair in each]
    data = ROOT / "examples/demo/data/train"
    queries, passages = (
        {text.id: text.text for text in files.read(data / name, formats.parse_text)}
        for name in ("queries.tsv", "passages.tsv")
    )
    qrels = files.read(data / "qrels.tsv", formats.parse_qrel)
    return [(queries[qrel.qid], passages[qrel.pid]) for qrel in qrels]


def write_examples(path: Path, queries: int, negatives: int) -> None:
    """Write training examples; where pairs are too few, they come again with other negatives."""
    found = pairs()
    rng = random.Random(1)
    with path.open("wb") as out:
        for number in range(queries):
            own = number % len(found)
            for place in (own, *(rng.randrange(len(found)) for _ in range(negatives))):
                row = {"qid": f"q{number}", "query": found[own][0], "pid": f"p{place}"}
                row |= {"passage": found[place][1], "label": int(place == own)}
                out.write(orjson.dumps(row) + b"\n")


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


def reference(path: Path, out: Path, dictionary: Path) -> None:
    """Run the paper's procedure as it stands beside the data."""
    spec = importlib.util.spec_from_file_location("reference_switch", REFERENCE)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{REFERENCE} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with (
        out.open("w", encoding="utf-8") as made,
        contextlib.redirect_stdout(made),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        module.main(str(path), str(dictionary), 0.5)


def switch(path: Path, out: Path, switcher: Switcher, workers: int) -> None:
    """Do what the command does."""
    work = BlockSwitcher(switcher, keep=True)
    with parallel.processes(work, workers, work.rest) as done, out.open("wb") as made:
        made.writelines(each.lines for each in done(files.blocks(path)))


def shares(job: Callable[[], object]) -> dict[str, float]:
    """Run a job, and tell which part takes which share of the time."""
    spent: defaultdict[str, float] = defaultdict(float)
    stack = ["the rest: reading and writing files"]
    last = time.thread_time()

    def change() -> None:
        nonlocal last
        now = time.thread_time()
        spent[stack[-1]] += now - last
        last = now

    def timed(part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def inner(*args: Any, **more: Any) -> Any:
            change()
            stack.append(part)
            try:
                return function(*args, **more)
            finally:
                change()
                stack.pop()

        return inner

    with contextlib.ExitStack() as patches:
        for part, places in PARTS.items():
            for owner, name in places:
                patches.enter_context(
                    mock.patch.object(owner, name, timed(part, getattr(owner, name)))
                )
        job()
        change()
    total = sum(spent.values())
    return {part: spent[part] / total for part in [*PARTS, stack[0]]}


def in_training(switcher: Switcher, rows: list[Example]) -> None:
    """Do what a training on the fly does."""
    for begin in range(0, len(rows), BATCH):
        switcher.records(rows[begin : begin + BATCH], epoch=0)


def main() -> None:
    """Run all in turn and print the best of each."""
    given = [int(text) for text in sys.argv[1:]]
    queries, negatives, rounds = given + [40_000, 3, 1][len(given) :]
    languages = LANGUAGES if REAL else tuple(store.pairs(store.find("wiki"), "en"))
    tables = {language: store.Table.of(entries(language)) for language in languages}
    first = languages[0]
    print(", ".join(f"{name}: {len(table.best)} entries" for name, table in tables.items()))

    def fresh(*names: str) -> Switcher:  # that has seen no text
        sides = dict.fromkeys(("query", "passage"), names)
        return Switcher({name: tables[name] for name in names}, sides, 0.5, 1)

    with tempfile.TemporaryDirectory() as made:
        path, out = Path(made) / "train.jsonl", Path(made) / "out.jsonl"
        write_examples(path, queries, negatives)
        rows = list(files.read(path, formats.parse_example))
        words = sum(len(row.query.split()) + len(row.passage.split()) for row in rows)
        count = len(rows)
        print(f"{count} examples, {words / 1e6:.1f} million words (between spaces)")
        best, known = dict(tables[first].best), fresh(first)
        dictionary = Path(made) / "dictionary.txt"
        pairs_of_words = (pair for pair in best.items() if not any(" " in word for word in pair))
        dictionary.write_text("".join(f"{a} {b}\n" for a, b in pairs_of_words), encoding="utf-8")
        switch(path, out, known, 1)
        paper = (
            (lambda: reference(path, out, dictionary))
            if REFERENCE.is_file()
            else (lambda: plain(path, out, best))
        )
        alone, two = "cstool, one language", "cstool, one, 2 workers"
        seen, two_seen = "cstool, words seen before", "cstool, seen, 2 workers"
        jobs: dict[str, Callable[[], object]] = {
            "the paper's procedure": paper,
            "bare loop, no switching": lambda: bare(path, out),
            alone: lambda: switch(path, out, fresh(first), 1),
            seen: lambda: switch(path, out, known, 1),
            f"cstool, {len(languages)} languages": lambda: switch(path, out, fresh(*languages), 1),
            two: lambda: switch(path, out, fresh(first), 2),
            two_seen: lambda: switch(path, out, known, 2),
        }
        costs = best_of(rounds, jobs)
        parts = shares(lambda: switch(path, out, fresh(first), 1))
        parts_known = shares(lambda: switch(path, out, known, 1))
        switcher = fresh(*languages)
        supply = best_of(rounds, {"": lambda: in_training(switcher, rows)})[""].core
    slow, fast = (each.core for each in list(costs.values())[:2])
    print("                             core s  clock s  M words/core s  paper's   bare loop")
    for name, cost in costs.items():
        rate = words / cost.core / 1e6
        print(
            f"{name:26} {cost.core:8.2f} {cost.clock:8.2f} {rate:15.2f} "
            f"{slow / cost.core:6.1f} x {fast / cost.core:11.1%}"
        )
    for what, one, pair in (("", alone, two), (", words seen before", seen, two_seen)):
        a, b = costs[one], costs[pair]
        print(f"2 workers{what}: {a.clock / b.clock:.2f} times as fast as 1 by the clock;")
        print(f"  the workers take {b.others / a.core:.2f} of the seconds of one process,")
        print(f"  the process that reads and writes {b.here / (b.others / 2):.1%} of a worker's")
    print(f"on the fly in training, batches of {BATCH}: {count / supply:.0f} pairs/s")
    print("share of the time           one language   words seen before")
    for part, share in parts.items():
        print(f"{part:36} {share:5.1%} {parts_known[part]:18.1%}")


if __name__ == "__main__":
    main()
