"""Exact CSLS beside the two matrix products it cannot avoid, and beside faiss's three searches.

    python benchmarks/csls.py [WORDS [DIMENSION [SOURCES]]]

WORDS vectors (default 50,000) of DIMENSION (300) on either side, or SOURCES of them on one; the ten
best targets of each, fp32. All run in turn in one process, several times, and the best time of each
is compared; then each runs in a process of its own, which tells the peak of its memory.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from turns import best_of

from cstool.lexicons.neighbours import search

ROUNDS = 3
K = 10
ROWS = 4096  # of the plain products


def unit(rng: np.random.Generator, rows: int, dimension: int) -> np.ndarray:
    """Draw unit vectors."""
    vectors = rng.standard_normal((rows, dimension), dtype=np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def products(x: np.ndarray, y: np.ndarray) -> None:
    """Multiply all with all, twice, and look at nothing."""
    left, right = torch.from_numpy(x), torch.from_numpy(y)
    for one, other in ((left, right), (right, left)):
        for chunk in one.split(ROWS):
            chunk @ other.T


def faiss_searches(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the mean cosines of both sides, and then CSLS by one more dimension that holds r(y)."""
    import faiss

    def index(vectors: np.ndarray) -> "faiss.Index":
        flat = faiss.IndexFlatIP(vectors.shape[1])
        flat.add(vectors)
        return flat

    rx = index(y).search(x, K)[0].mean(1)
    ry = index(x).search(y, K)[0].mean(1)
    longer = np.hstack([2 * y, -ry[:, None]]).astype(np.float32)
    scores, indices = index(longer).search(np.hstack([x, np.ones((len(x), 1), np.float32)]), K)
    return scores - rx[:, None], indices


def cstool_csls(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the same with cstool."""
    found = search(x, y, n=K, k=K)
    return found.scores, found.indices


JOBS: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "two products": products,
    "faiss": faiss_searches,
    "cstool": cstool_csls,
}


def peak() -> int:
    """Give the most memory that this process has held, in MB."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


def main() -> None:
    """Run all in turn and print the best of each, how far they agree, and their memory."""
    name = sys.argv.pop() if sys.argv[-1] in JOBS else None
    words, dimension = (int(a) for a in (sys.argv[1:3] + ["50000", "300"][len(sys.argv) - 1 :]))
    sources = int(sys.argv[3]) if len(sys.argv) > 3 else words
    rng = np.random.default_rng(1)
    x, y = unit(rng, sources, dimension), unit(rng, words, dimension)
    if name:
        JOBS[name](x, y)
        print(peak())
        return
    results: dict[str, object] = {}

    def keep(name: str) -> None:
        results[name] = JOBS[name](x, y)

    best = best_of(ROUNDS, {name: lambda name=name: keep(name) for name in JOBS})
    print(f"{sources} x {words} x {dimension}, {torch.get_num_threads()} threads")
    for name, seconds in best.items():
        command = [sys.executable, __file__, str(words), str(dimension), str(sources), name]
        memory = subprocess.run(command, capture_output=True, check=True, text=True).stdout.strip()
        print(f"{name:14} {seconds:7.2f} s  {seconds / best['two products']:5.2f} x  {memory} MB")
    same = np.mean(results["faiss"][1] == results["cstool"][1])
    print(f"neighbours that are the same as faiss's: {same:.4%}")


if __name__ == "__main__":
    main()
