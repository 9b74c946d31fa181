"""How good a model is on examples that it is not trained on: their loss, and MRR@10."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

import torch

from cstool import formats
from cstool.crossencoder import CrossEncoder
from cstool.errors import CstoolError
from cstool.records import Example
from cstool.training import data
from cstool.training.data import TEACHER, Group, Teacher
from cstool.training.losses import LOSSES, Targets, units

LOSS, MRR = "loss", "mrr@10"
_GROUPS = 64  # whose loss is computed at once
_RELEVANT = 0.5  # the label from which a passage counts as an answer


@dataclass
class Validation:
    """A small reranking task, made of examples: the passages of each query are to be ranked.

    CstoolError if there is no example, if the loss cannot use them, or if MRR@10 is wanted and no
    query has a passage that answers it and one that does not.
    """

    examples: Iterable[Example]
    loss: str
    by: str = MRR
    beta: float = 1.0
    teacher: Teacher | None = None
    groups: list[Group] = field(init=False)
    queries: dict[tuple[str, object], dict[str, bool]] = field(init=False)

    def __post_init__(self) -> None:
        self.groups = list(data.groups(self.examples, self.loss, self.teacher))
        if not self.groups:
            raise CstoolError("there is no example to validate on")
        found: dict[tuple[str, object], dict[str, bool]] = {}
        for one in self._all():
            passages = found.setdefault(_query(one), {})
            passages[one.pid] = passages.get(one.pid, False) or one.label >= _RELEVANT
        self.queries = {
            query: passages for query, passages in found.items() if len(set(passages.values())) == 2
        }
        if self.by == MRR and not self.queries:
            raise CstoolError(
                "no query to validate on has an answer and another passage: say --validate-by loss"
            )

    def measure(self, model: CrossEncoder) -> dict[str, float]:
        """Give the loss, and MRR@10 if there are queries for it; equal scores rank by pid."""
        model.model.eval()
        scores = model.logits([(one.query, one.passage) for one in self._all()])
        values = {LOSS: self._loss(scores)}
        if self.queries:
            values[MRR] = self._mrr(scores)
        return values

    def digest(self) -> str:
        """Give the SHA-256 of what is validated on."""
        lines = (formats.format_example(one) for one in self._all())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _all(self) -> list[Example]:
        return [one for group in self.groups for one in group]

    def _loss(self, scores: list[float]) -> float:
        left, groups = iter(scores), iter(self.groups)
        total, weight = 0.0, 0
        while some := list(islice(groups, _GROUPS)):
            examples = [one for group in some for one in group]
            numbers = [number for number, group in enumerate(some) for _ in group]
            taught = [one.extra[TEACHER] for one in examples if TEACHER in one.extra]
            targets = Targets(
                torch.tensor([float(one.label) for one in examples]),
                torch.tensor(numbers),
                torch.tensor(taught) if taught else None,
                self.beta,
            )
            logits = torch.tensor(list(islice(left, len(examples))))
            share = units(self.loss, targets)
            total += float(LOSSES[self.loss](logits, targets)) * share
            weight += share
        return total / weight

    def _mrr(self, scores: list[float]) -> float:
        """Give the mean of 1 / rank of the first answer among ten (0 if there is none)."""
        ranked: dict[tuple[str, object], dict[str, float]] = {}
        for one, score in zip(self._all(), scores, strict=True):
            ranked.setdefault(_query(one), {})[one.pid] = score
        total = 0.0
        for query, answers in self.queries.items():
            best = sorted(ranked[query].items(), key=lambda hit: (-hit[1], hit[0]))[:10]
            ranks = (rank for rank, (pid, _) in enumerate(best, start=1) if answers[pid])
            total += 1 / next(ranks, float("inf"))
        return total / len(self.queries)


def _query(example: Example) -> tuple[str, object]:
    return example.qid, example.extra.get("copy")
