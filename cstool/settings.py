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
    query_ratio: float | None = None  # where it differs
    passage_ratio: float | None = None
    ratio_of: str = "matched"  # or all
    per: str = "span"  # or text
    choice: str = "best"  # or weighted
    keep_english: float = 0.0
    skip_stopwords: bool = False
    max_phrase: int = 8
    protect: str | None = None
    source_too: bool = False  # the source language is among those that are drawn
    one_language: bool = False  # on each side
    seed: int = 1


# The paper's systems: by pairs of languages, multilingual, and by titles of Wikipedia (appendix A).
SWITCHINGS = {
    "bl-cs": Switching(one_language=True),
    "ml-cs": Switching(),
    "wiki-cs": Switching(ratio=1.0, per="text", skip_stopwords=True, max_phrase=3, source_too=True),
}


# The paper's mixed sets of languages: those seen in training, and with those that are not.
SEEN = ("en", "de", "it", "nl", "ru", "ar")
MIXES = {"xx6": SEEN, "xx14": (*SEEN, "fr", "id", "es", "pt", "zh", "vi", "ja", "hi")}


@dataclass(frozen=True)
class Sampling:
    """How `examples` draws negatives: one positive to four negatives, as in the paper."""

    negatives: int = 4
    hard: int = 0  # of the negatives, from the best hits of a run
    hard_depth: int = 100
    relative_margin: float | None = None  # of the positive's score, that hard ones stay below it
    seed: int = 1


@dataclass(frozen=True)
class Titles:
    """Which titles `induce-lexicon titles` takes: the paper matches n-grams up to three words."""

    max_words: int = 3


@dataclass(frozen=True)
class WordVectors:
    """How `induce-lexicon text` trains vectors: fastText's numbers, but for dimension, epochs."""

    dimension: int = 300
    epochs: int = 10
    min_count: int = 5
    learning_rate: float = 0.05
    window: int = 5
    shortest_ngram: int = 3
    longest_ngram: int = 6
    threads: int = 1


@dataclass(frozen=True)
class Induction:
    """How `induce-lexicon embeddings` and `text` make a lexicon out of word vectors."""

    normalize: tuple[str, ...] = ("unit", "center", "unit")
    align: str = "procrustes"  # none, procrustes or rcsls: see docs/lexicons.md for what each gives
    refine: int = 0
    neighbours: str = "csls"  # or nn
    k: int = 10  # neighbours that r of CSLS is the mean over, and RCSLS as well
    max_translations: int = 3
    mutual: bool = False
    min_score: float | None = None
    min_margin: float | None = None
    max_rank_ratio: float | None = None
    keep_identical: bool = True


# The paper takes the nearest neighbour among the 200,000 words of MUSE's aligned vectors.
PAPER = Induction(
    normalize=("unit",), align="none", refine=0, neighbours="nn", max_translations=1, mutual=False
)
INDUCTIONS = {"cstool": Induction(), "paper": PAPER}
MAX_VECTORS = 200_000


@dataclass(frozen=True)
class Pretraining:
    """How `pretrain` makes an encoder: BERT's numbers (arXiv 1810.04805, appendix A.2), but small.

    The temperature is SimCSE's (arXiv 2104.08821), the crops are Contriever's (arXiv 2112.09118).
    """

    base: str | None = None  # or init_config, with tokenizer or train_tokenizer
    init_config: str | None = None
    tokenizer: str | None = None
    train_tokenizer: int | None = None
    tokenizer_alpha: float = 0.0  # files weigh as their size to this power
    objective: str = "mlm"  # contrastive, both, none
    mlm_probability: float = 0.15
    whole_words: bool = False
    mask_switched: bool = False
    contrastive_weight: float = 1.0
    temperature: float = 0.05
    views: str = "switched"  # pairs, crops
    crop_min: float = 0.05
    crop_max: float = 0.5
    token_budget: int | None = None  # or max_steps
    max_steps: int | None = None
    batch_size: int = 256
    learning_rate: float = 1e-4
    warmup_steps: int = 10_000
    # A run too short for this warm-up spends at most this share of itself on it.
    warmup_share: float = 0.1
    weight_decay: float = 0.01
    max_length: int | None = 128
    seed: int = 1
    save_steps: int = 1_000
    precision: str = "auto"
    device: str = "auto"

    @property
    def masks(self) -> bool:
        """Tell whether tokens are masked."""
        return self.objective in ("mlm", "both")

    @property
    def contrasts(self) -> bool:
        """Tell whether views are compared."""
        return self.objective in ("contrastive", "both")


@dataclass(frozen=True)
class Computing:
    """Where and how products of vectors are computed."""

    device: str = "auto"
    precision: str = "fp32"  # or bf16
    chunk_bytes: int = 256 << 20


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
    ddro_beta: float = 1.0
    align_words: bool = False  # train the input embeddings by losses.aligned alone
    align_weight: float = 0.0  # of losses.consistent, beside the ranking loss
    seed: int = 1  # the paper reports the mean over three
    save_steps: int = 10_000
    validate_steps: int | None = None  # None: a tenth of the run
    validate_by: str = "mrr@10"  # or loss
    keep: str = "best"  # or last; without validation there is only the last
    token_budget: int | None = None  # None: CPU_TOKENS there, all of a batch at once on CUDA
    checkpointing: bool = False
    precision: str = "auto"
    device: str = "auto"

    # Enough that matrix products are as fast as they get, few enough that short pairs seldom wait
    # for long ones: see docs/training.md for what others take.
    CPU_TOKENS: ClassVar[int] = 2048

    def steps(self, examples: int, sources: int = 1) -> int:
        """Count the optimiser's steps for this many examples, at least one.

        Of a single source every round ends with a batch of its own, which may be smaller.
        """
        if self.epochs is None:
            return self.max_steps
        batches = examples / self.batch_size
        return max(1, math.ceil(self.epochs * (math.ceil(batches) if sources == 1 else batches)))


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
    seed: int = 1  # of the sample of queries
