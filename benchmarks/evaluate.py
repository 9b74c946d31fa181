"""Time `cstool evaluate` on one large run against ranx alone and ir_measures alone, in turn.

    python benchmarks/evaluate.py [--queries 6980] [--depth 1000] [--rounds 2]

Each is a process of its own that reads the files, computes the same four measures and prints their
means, which must agree. ranx runs once before, so that what numba compiles is on disk already;
what that first time costs is printed as well. Memory is the largest resident set of the process.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, cast

MEASURES = "mrr@10,ndcg@10,recall@100,map"
RANX = """
import sys
from ranx import Qrels, Run, evaluate
qrels = Qrels.from_file(sys.argv[1], kind="trec")
run = Run.from_file(sys.argv[2], kind="trec")
found = evaluate(qrels, run, sys.argv[3].split(","), make_comparable=True)
print(*(f"{found[name]:.6f}" for name in sys.argv[3].split(",")))
"""
IR_MEASURES = """
import sys
import ir_measures
from ir_measures import AP, RR, R, nDCG
names = [RR @ 10, nDCG @ 10, R @ 100, AP]
found = ir_measures.calc_aggregate(
    names, ir_measures.read_trec_qrels(sys.argv[1]), ir_measures.read_trec_run(sys.argv[2])
)
print(*(f"{found[name]:.6f}" for name in names))
"""


def write(folder: Path, queries: int, depth: int) -> tuple[Path, Path]:
    """Make a run without equal scores, in which one passage per query is relevant."""
    draw = random.Random(1)
    qrels, run = folder / "qrels.tsv", folder / "run.trec"
    with qrels.open("w") as judged, run.open("w") as ranked:
        for query in range(queries):
            relevant = draw.randint(1, depth * 5 // 4)  # one in five is not found
            judged.write(f"{1_000_000 + query} 0 {9_000_000 + query} 1\n")
            score = 30.0
            for rank in range(1, depth + 1):
                pid = 9_000_000 + query if rank == relevant else draw.randrange(8_800_000)
                score -= draw.uniform(0.0001, 0.03)
                ranked.write(f"{1_000_000 + query} Q0 {pid}x{rank} {rank} {score:.6f} bm25\n" if
                             rank != relevant else
                             f"{1_000_000 + query} Q0 {pid} {rank} {score:.6f} bm25\n")  # fmt: skip
    return qrels, run


def measured(command: Sequence[str], environment: Mapping[str, str]) -> tuple[float, float, str]:
    """Run a process: seconds, MiB at most, and the last line that it printed."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **environment},
    )
    printed = cast(IO[bytes], process.stdout).read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{command} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024, printed


def ours(printed: str) -> str:
    """Give the means of our system out of TSV."""
    rows = [line.split("\t") for line in printed.splitlines()]
    return " ".join(row[6] for row in rows if row[0] == "run" and row[3] == "all")


def main() -> None:
    """Make the run, time everybody in turn, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--queries", type=int, default=6980)
    parser.add_argument("--depth", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        qrels, run = map(str, write(folder, options.queries, options.depth))
        size = Path(run).stat().st_size / 2**20
        print(f"{options.queries} queries x {options.depth} hits, {size:.0f} MiB")
        python, compiled = sys.executable, {"NUMBA_CACHE_DIR": str(folder / "numba")}
        evaluate = [
            str(Path(python).with_name("cstool")),
            "evaluate",
            qrels,
            run,
            "--measures",
            MEASURES,
        ]
        evaluate += ["--format", "tsv"]
        jobs = {
            "cstool evaluate": evaluate,
            "cstool evaluate --cache, second time": [*evaluate, "--cache", str(folder / "cache")],
            "ranx, compiled": [python, "-c", RANX, qrels, run, MEASURES],
            "ir_measures": [python, "-c", IR_MEASURES, qrels, run],
        }
        first = {  # the first time fills the caches
            name: measured(jobs[name], compiled)[0]
            for name in ("ranx, compiled", "cstool evaluate --cache, second time")
        }
        best: dict[str, tuple[float, float, str]] = {}
        for _ in range(options.rounds):
            for name, command in jobs.items():
                best[name] = min(best.get(name, (1e9, 0, "")), measured(command, compiled))
        for name, (seconds, memory, printed) in best.items():
            values = ours(printed) if name.startswith("cstool") else printed.strip()
            print(f"{name:38} {seconds:7.1f} s {memory:7.0f} MiB   {values}")
        print(f"{'ranx, first time (it compiles)':38} {first['ranx, compiled']:7.1f} s")


if __name__ == "__main__":
    main()
