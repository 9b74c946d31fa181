"""Exact CSLS beside the two matrix products it cannot avoid, and beside faiss's three searches.

    pip install faiss-cpu
    python benchmarks/csls.py [WORDS [DIMENSION [SOURCES [ROUNDS]]]]

WORDS vectors (default 50,000) of DIMENSION (300) on either side, or SOURCES of them on one; the ten
best targets of each, fp32. All run in turn, ROUNDS times (3), each time in a process of their own,
which tells the peak of its memory; the best time of each is compared. Without faiss its searches
are left out, and on a machine with CUDA cstool's search is measured there as well.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from cstool.lexicons.neighbours import search
from cstool.settings import Computing

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


def on_cuda(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find the same on the first CUDA device."""
    found = search(x, y, n=K, k=K, computing=Computing("cuda"))
    return found.scores, found.indices


JOBS: dict[str, Callable[[np.ndarray, np.ndarray], object]] = {
    "products": products,
    "faiss": faiss_searches,
    "cstool": cstool_csls,
    "cuda": on_cuda,
}


def peak() -> int:
    """Give the most memory that this process has held, in MB (1,000,000 bytes)."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 // 1_000_000


def one(name: str, sources: int, words: int, dimension: int, result: Path) -> None:
    """Do one job, print its seconds and its memory, and keep the neighbours that it finds."""
    rng = np.random.default_rng(1)
    x, y = unit(rng, sources, dimension), unit(rng, words, dimension)
    start = time.perf_counter()
    found = JOBS[name](x, y)
    print(time.perf_counter() - start, peak())
    if isinstance(found, tuple):
        np.save(result, found[1])


def main() -> None:
    """Run all in turn and print the best of each, how far they agree, and their memory."""
    if len(sys.argv) > 2 and sys.argv[1] in JOBS:
        name, *sizes, result = sys.argv[1:]
        one(name, *map(int, sizes), Path(result))
        return
    given = [int(text) for text in sys.argv[1:]]
    words, dimension, sources, rounds = [*given, *(50_000, 300, 0, 3)[len(given) :]]
    sources = sources or words
    names = ["products", *(["faiss"] if find_spec("faiss") else []), "cstool"]
    names += ["cuda"] * torch.cuda.is_available()
    best = dict.fromkeys(names, (float("inf"), 0))
    threads = torch.get_num_threads()
    with tempfile.TemporaryDirectory() as made:
        results = {name: Path(made) / f"{name}.npy" for name in names}
        for _ in range(rounds):
            for name in names:
                call = [sys.executable, __file__, name, sources, words, dimension, results[name]]
                told = subprocess.run(map(str, call), capture_output=True, check=True, text=True)
                seconds, memory = told.stdout.split()
                best[name] = min(best[name], (float(seconds), int(memory)))
        print(f"{sources} x {words} x {dimension}, {threads} threads, best of {rounds}")
        for name, (seconds, memory) in best.items():
            print(f"{name:9} {seconds:8.2f} s {seconds / best['products'][0]:6.2f} x {memory:6} MB")
        found = {name: np.load(path) for name, path in results.items() if path.exists()}
        for name in found.keys() - {"cstool"}:
            same = np.mean(found[name] == found["cstool"])
            print(f"neighbours that are the same as those of {name}: {same:.4%}")


if __name__ == "__main__":
    main()
