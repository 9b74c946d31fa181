"""Memory and speed of `codeswitch` on input of any length, with large lexicons and several workers.

    python benchmarks/scaling.py [examples, 1000000] [languages, 13] [entries, 200000] [workers, 2]

Examples of 60 words are made up while the command reads them, from 400,000 words of which some are
far more frequent than others (Zipf's law); so are lexicons that know half of them. Memory is what
the processes hold together (PSS, which shares out what they share), and the most of any (RSS).
It is told for each third of the examples, beside what there is before the first of them, when the
lexicons are loaded.
"""

import random
import string
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, cast

import orjson

WORDS = 400_000
PASSAGE, QUERY = 52, 8
MB = 1 << 20


def vocabulary(rng: random.Random) -> list[str]:
    """Make words of four to twelve letters."""
    words: dict[str, None] = {}
    while len(words) < WORDS:
        words["".join(rng.choices(string.ascii_lowercase, k=rng.randint(4, 12)))] = None
    return list(words)


def write_lexicon(folder: Path, words: list[str], languages: int, entries: int) -> None:
    """Write a file for each language; every second word of the vocabulary is in it."""
    folder.mkdir()
    for number in range(languages):
        code = string.ascii_lowercase[number] * 2
        with (folder / f"en-{code}.tsv").open("w", encoding="utf-8") as out:
            out.writelines(f"{word}\t{word[::-1]}{code}\n" for word in words[::2][:entries])


def examples(rng: random.Random, words: list[str], count: int) -> Iterator[bytes]:
    """Yield lines of training examples; a thousand different texts would be known too soon."""
    weights = list(accumulate(1 / (rank + 3) for rank in range(WORDS)))
    for number in range(count):
        drawn = rng.choices(words, cum_weights=weights, k=QUERY + PASSAGE)
        row = {"qid": f"q{number}", "query": " ".join(drawn[:QUERY]), "pid": f"p{number}"}
        yield orjson.dumps(row | {"passage": " ".join(drawn[QUERY:]), "label": 1}) + b"\n"


def memory(pid: int) -> tuple[int, int]:
    """Give the PSS of a process and its children, and the highest RSS among them, in bytes."""
    total = most = 0
    for process in (pid, *children(pid)):
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
        except OSError:  # it has just ended
            continue
        sizes = {line.split()[0]: int(line.split()[1]) << 10 for line in rollup.splitlines()[1:]}
        total, most = total + sizes["Pss:"], max(most, sizes["Rss:"])
    return total, most


def children(pid: int) -> list[int]:
    """List the processes that a process has started."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in path.read_text().split()] if path.exists() else []


def loaded(found: list[tuple[int, int, int]]) -> tuple[int, int]:
    """Wait until the memory of a command that has nothing to read does not grow any more."""
    while True:
        time.sleep(1)
        last = found[-8:]
        sizes = [pss for _, pss, _ in last]
        if len(last) == 8 and min(sizes) > 50 * MB and max(sizes) - min(sizes) < MB:
            return last[-1][1:]


def main() -> None:
    """Run the command once and tell what it took."""
    given = [int(text) for text in sys.argv[1:]]
    count, languages, entries, workers = given + [1_000_000, 13, 200_000, 2][len(given) :]
    rng = random.Random(1)
    words = vocabulary(rng)
    with tempfile.TemporaryDirectory() as made:
        write_lexicon(Path(made) / "lexicon", words, languages, entries)
        program = Path(sys.executable).with_name("cstool")
        command = [program, "codeswitch", "--lexicon", Path(made) / "lexicon"]
        with subprocess.Popen(
            [*command, "--workers", str(workers)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as process:
            given_in, out = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
            found: list[tuple[int, int, int]] = []  # the third, and the memory
            third = 0

            def watch() -> None:
                while process.poll() is None:
                    found.append((third, *memory(process.pid)))
                    time.sleep(0.5)

            def drain() -> None:
                while out.read(1 << 20):
                    pass

            threads = [threading.Thread(target=each) for each in (watch, drain)]
            for thread in threads:
                thread.start()
            before = loaded(found)
            begun = time.perf_counter()
            for number, line in enumerate(examples(rng, words, count)):
                third = 1 + 3 * number // count
                given_in.write(line)
            given_in.close()
            for thread in threads:
                thread.join()
        seconds = time.perf_counter() - begun
    print(f"{count} examples, {languages} languages of {entries} entries, {workers} workers")
    print(f"{seconds:8.0f} s, making up the examples included")
    print("together, MB   most in one process, MB")
    print(f"{before[0] / MB:12.0f} {before[1] / MB:14.0f}           before the first example")
    for part in (1, 2, 3):
        pss = max(pss for third, pss, _ in found if third == part)
        rss = max(rss for third, _, rss in found if third == part)
        print(f"{pss / MB:12.0f} {rss / MB:14.0f}           third {part} of the examples")


if __name__ == "__main__":
    main()
