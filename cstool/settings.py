"""Every tunable number, with the paper's value as its default (arXiv 2305.05295, section 4)."""

import math
from dataclasses import dataclass
from typing import ClassVar

HUB_MODEL = "nreimers/mMiniLMv2-L6-H384-distilled-from-XLMR-Large"
# What a training that has not ended keeps in its folder, and tells it by.
PLAN, DATA = "plan.json", "examples.arrow"
MEASURES = ("mrr@10", "ndcg@10", "recall@100", "map")


@dataclass(frozen=True)
class Switching:
    """How `codeswitch` replaces words."""

    ratio: float = 0.5
    seed: int = 1


@dataclass(frozen=True)
class Sampling:
    """How `examples` draws negatives: one positive to four negatives, as in the paper."""

    negatives: int = 4
    hard: int = 0  # of the negatives, from the best hits of a run
    hard_depth: int = 100
    seed: int = 1


@dataclass(frozen=True)
class Titles:
    """Which titles `induce-lexicon titles` takes: the paper matches n-grams up to three words."""

    max_words: int = 3


@dataclass(frozen=True)
class Training:
    """How `train` fine-tunes a cross-encoder."""

    LENGTH: ClassVar[int] = 512

    max_steps: int = 200_000
    epochs: float | None = None  # instead of max_steps
    batch_size: int = 64
    learning_rate: float = 2e-5
    warmup_steps: int = 5_000
    # A run too short for the paper's warm-up spends at most this share of its steps on it.
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    max_length: int | None = None  # the paper's LENGTH, or what the encoder has room for
    loss: str = "binary"
    seed: int = 1  # the paper reports the mean over three
    save_steps: int = 10_000
    precision: str = "auto"
    device: str = "auto"

    def steps(self, examples: int) -> int:
        """Count the optimiser's steps for this many examples, at least one."""
        if self.epochs is None:
            return self.max_steps
        return max(1, math.ceil(self.epochs * examples / self.batch_size))


@dataclass(frozen=True)
class Retrieving:
    """BM25 as Anserini sets it for MS MARCO passages."""

    k1: float = 0.9
    b: float = 0.4
    depth: int = 1000


@dataclass(frozen=True)
class Reranking:
    """How `rerank` scores candidates."""

    depth: int = 1000
    batch_size: int = 32
