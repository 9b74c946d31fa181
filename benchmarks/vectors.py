"""Seconds to read word vectors: from text, and again from the cache.

    python benchmarks/vectors.py [WORDS, 200000] [DIMENSION, 300]

The file has the format of fastText's .vec files, with numbers of four decimals.
"""

import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cstool.lexicons.embeddings import Cache, read


def write(path: Path, words: int, dimension: int) -> None:
    """Write random vectors, a thousand words at a time."""
    rng = np.random.default_rng(1)
    with path.open("w", encoding="ascii") as out:
        out.write(f"{words} {dimension}\n")
        for start in range(0, words, 1000):
            rows = rng.standard_normal((1000, dimension)) / 10
            for number, row in enumerate(rows[: words - start].tolist(), start=start):
                out.write(f"word{number} {' '.join([f'{value:.4f}' for value in row])}\n")


def main() -> None:
    """Time both ways in turn, and print the best of three."""
    words, dimension = (int(text) for text in [*sys.argv[1:], *(200_000, 300)[len(sys.argv) - 1 :]])
    with tempfile.TemporaryDirectory() as made:
        path, cache = Path(made) / "x.vec", Cache(Path(made) / "cache")
        write(path, words, dimension)
        read(path, cache=cache)
        best = {"text": float("inf"), "cache": float("inf")}
        for _ in range(3):
            for name, kept in (("text", None), ("cache", cache)):
                start, cpu = time.perf_counter(), time.process_time()
                read(path, cache=kept)
                took, used = time.perf_counter() - start, time.process_time() - cpu
                print(f"{name:6} {took:6.2f} s, {used:6.2f} s of the processor")
                best[name] = min(best[name], took)
        megabytes = path.stat().st_size / 1e6
        print(
            f"{words} x {dimension}, {megabytes:.0f} MB: "
            + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in best.items())
        )


if __name__ == "__main__":
    main()
