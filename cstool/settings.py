"""Every tunable number, with the paper's value as its default (arXiv 2305.05295, section 4)."""

from dataclasses import dataclass

HUB_MODEL = "nreimers/mMiniLMv2-L6-H384-distilled-from-XLMR-Large"
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
    hard_depth: int = 100
    seed: int = 1


@dataclass(frozen=True)
class Training:
    """How `train` fine-tunes a cross-encoder."""

    max_steps: int = 200_000
    batch_size: int = 64
    learning_rate: float = 2e-5
    warmup_steps: int = 5_000
    # A run too short for the paper's warm-up spends at most this share of its steps on it.
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    max_length: int = 512
    seed: int = 1
    save_steps: int = 10_000


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
