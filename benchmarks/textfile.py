"""Time and memory of the index that keeps passages on the disk, beside a dictionary of them.

    python benchmarks/textfile.py [TEXTS] [WANTED]

TEXTS passages (default 300,000) of real text are written, indexed, opened again, and WANTED of them
(default 65,536, those of a window) are read. Each step has a process of its own.
"""

import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cstool import files, formats, textfile

DEMO = Path(__file__).parents[1] / "examples" / "demo" / "data" / "train" / "passages.tsv"


def write(path: Path, count: int) -> None:
    """Write passages of two paragraphs."""
    texts = [line.rstrip("\n").split("\t", 1)[1] for line in DEMO.open(encoding="utf-8")]
    rng = random.Random(1)
    with path.open("w", encoding="utf-8") as out:
        for number in range(count):
            out.write(f"p{number}\t{rng.choice(texts)} {rng.choice(texts)}\n")


def step(name: str, path: Path, count: int, wanted: int) -> None:
    """Do one step, and tell its seconds of CPU time and its memory."""

    def read(parse: Callable[[str], None]) -> files.Reading:
        reading = files.Reading(path)
        for _ in files.read(path, parse, reading=reading):
            pass
        return reading

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    if name == "dictionary":
        texts = textfile.Held((text.id, text.text) for text in files.read(path, formats.parse_text))
    else:
        texts, _ = textfile.open_indexed(path, read, "passage")
    if name == "look up":
        start = time.process_time()
        ids = random.Random(2).sample(range(count), wanted)
        found = texts.texts(f"p{number}" for number in ids)
        print(len(found), end=" texts, ")
    seconds = time.process_time() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"{name}: {seconds:.2f} s, {grown / 1024:.0f} MiB more")


def main() -> None:
    """Run the steps one after the other."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 300_000
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 1 << 16
    if len(sys.argv) == 5:
        step(sys.argv[3], Path(sys.argv[4]), count, wanted)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "passages.tsv"
        write(path, count)
        print(f"{count} passages, {path.stat().st_size >> 20} MiB", flush=True)
        for name in ("dictionary", "make the index", "open it again", "look up"):
            given = [str(count), str(wanted), name, str(path)]
            subprocess.run([sys.executable, __file__, *given], check=True)


if __name__ == "__main__":
    main()
