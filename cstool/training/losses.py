"""What a cross-encoder is trained to minimise: functions of logits and targets, by name.

Those that compare the passages of a query work on groups. A group is computed as a row of a matrix
whose empty places are masked, so no value depends on how long the other groups of the batch are.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Targets:
    """What is wanted of a batch, each of shape (batch,).

    `labels` are in [0, 1]; `groups` number the groups from 0, and equal numbers stand together;
    `teacher` has the scores that a teacher, or a reference, gave, if there is one.
    """

    labels: Tensor
    groups: Tensor
    teacher: Tensor | None = None
    beta: float = 1.0  # of `ddro`


Loss = Callable[[Tensor, Targets], Tensor]


def binary(logits: Tensor, targets: Targets) -> Tensor:
    """Give the binary cross-entropy of logits (batch,) and labels, as a mean.

    This is the paper's loss (arXiv 2305.05295, section 3; Nogueira and Cho 2019). It is computed
    here, in float32, because a classifier with one output would otherwise fit a regression.
    """
    return functional.binary_cross_entropy_with_logits(logits.float(), targets.labels.float())


def listwise(logits: Tensor, targets: Targets) -> Tensor:
    """Give the cross-entropy of the softmax over each group, as a mean over groups.

    The localised contrastive loss of Gao, Dai and Callan 2021 (arXiv 2101.08751, equation 2). Where
    a group has several positives, each has the same share of what is wanted.
    """
    rows, there = _rows(logits.float(), targets)
    wanted, _ = _rows(targets.labels.float(), targets)
    wanted = wanted / wanted.sum(1, keepdim=True)
    likely = rows.masked_fill(~there, -torch.inf).log_softmax(1).masked_fill(~there, 0)
    return -(wanted * likely).sum(1).mean()


def ranknet(logits: Tensor, targets: Targets) -> Tensor:
    """Give -log sigmoid(s+ - s-), as a mean over the pairs of a group that differ in their labels.

    Burges et al. 2005, equation 3, for certain preferences.
    """
    better, worse = _pairs(targets)
    scores = logits.float()
    return -functional.logsigmoid(scores[better] - scores[worse]).mean()


def margin_mse(logits: Tensor, targets: Targets) -> Tensor:
    """Give the squared error of the margins s+ - s- against the teacher's, as a mean over pairs.

    Hofstätter et al. 2020 (arXiv 2010.02666, equation 9).
    """
    better, worse = _pairs(targets)
    scores, teacher = logits.float(), _teacher(targets)
    return functional.mse_loss(
        scores[better] - scores[worse], (teacher[better] - teacher[worse]).to(scores)
    )


def kl(logits: Tensor, targets: Targets) -> Tensor:
    """Give the divergence of the softmax over each group from the teacher's, mean over groups.

    KL(teacher || student), as in Hinton, Vinyals and Dean 2015 (arXiv 1503.02531) at temperature 1.
    """
    rows, there = _rows(logits.float(), targets)
    taught, _ = _rows(_teacher(targets).float(), targets)
    student, teacher = (
        side.masked_fill(~there, -torch.inf).log_softmax(1).masked_fill(~there, 0)
        for side in (rows, taught)
    )
    return (teacher.exp().masked_fill(~there, 0) * (teacher - student)).sum(1).mean()


def ddro(logits: Tensor, targets: Targets) -> Tensor:
    """Give -log sigmoid(b ((s+ - s-) - (r+ - r-))), as a mean over the pairs of a group.

    Direct document relevance optimisation (Mekonnen, Tang and de Rijke 2025, arXiv 2504.05181),
    with the logits of a cross-encoder in place of log-probabilities. r are the scores of a frozen
    reference, given as those of a teacher are; b is `targets.beta`. Where r is constant and b is 1
    this is RankNet.
    """
    better, worse = _pairs(targets)
    gained = logits.float() - _teacher(targets).to(logits.device).float()
    return -functional.logsigmoid(targets.beta * (gained[better] - gained[worse])).mean()


LOSSES: dict[str, Loss] = {
    "binary": binary,
    "listwise": listwise,
    "ranknet": ranknet,
    "margin-mse": margin_mse,
    "kl": kl,
    "ddro": ddro,
}
GROUPED = frozenset(LOSSES) - {"binary"}  # compare the passages of a group
LABELLED = GROUPED - {"kl"}  # a group needs a positive and a negative
TAUGHT = frozenset({"margin-mse", "kl", "ddro"})  # need a teacher's scores


def units(loss: str, targets: Targets) -> int:
    """Count what a loss is the mean over: examples, groups, or pairs of a group.

    Parts of a batch, weighted by their units, give together the loss of the batch.
    """
    if loss == "binary":
        return len(targets.labels)
    if loss in ("listwise", "kl"):
        return int(targets.groups[-1]) + 1
    return len(_pairs(targets)[0])


def consistent(scores: Tensor, originals: Tensor) -> Tensor:
    """Give the squared difference of the logits of texts in two versions, as a mean, both (n,).

    The consistency of the Pi-model (Laine and Aila 2017, arXiv 1610.02242, algorithm 1), with
    code-switching as the disturbance, as Zheng et al. 2021 (arXiv 2106.08226) have it. Differences
    of logits, not of distributions: passages of several languages compete by them in one ranking.
    """
    return functional.mse_loss(scores.float(), originals.float())


def aligned(switched: Tensor, originals: Tensor) -> Tensor:
    """Give the mean cosine distance of words from those that they replace, both (n, d).

    The originals do not move. Aligned words as anchors across languages: Cao, Kitaev and Klein 2020
    (arXiv 2002.03518, equation 1, with the squared distance of contextual states).
    """
    return (1 - functional.cosine_similarity(switched, originals.detach(), dim=-1)).mean()


def _rows(values: Tensor, targets: Targets) -> tuple[Tensor, Tensor]:
    """Give a row for each group, filled up with zeros, and where there is something."""
    counts = targets.groups.bincount()
    starts = counts.cumsum(0) - counts
    places = torch.arange(len(values), device=values.device) - starts[targets.groups]
    there = torch.arange(int(counts.max()), device=values.device) < counts[:, None]
    rows = values.new_zeros(there.shape).index_put((targets.groups, places), values)
    return rows, there


def _pairs(targets: Targets) -> tuple[Tensor, Tensor]:
    """List the pairs of a group of which the first has the higher label."""
    same = targets.groups[:, None] == targets.groups
    better, worse = (same & (targets.labels[:, None] > targets.labels)).nonzero(as_tuple=True)
    return better, worse


def _teacher(targets: Targets) -> Tensor:
    if targets.teacher is None:
        raise ValueError("this loss needs a teacher's scores")
    return targets.teacher
