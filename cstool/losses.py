"""What a cross-encoder is trained to minimise: functions of logits and labels, by name."""

from collections.abc import Callable

import torch
from torch.nn import functional

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


def binary(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Give the binary cross-entropy of logits and labels in [0, 1], both (batch,), as a mean.

    This is the paper's loss (arXiv 2305.05295, section 3; Nogueira and Cho 2019). It is computed
    here, in float32, because a classifier with one output would otherwise fit a regression.
    """
    return functional.binary_cross_entropy_with_logits(logits.float(), labels.float())


LOSSES: dict[str, Loss] = {"binary": binary}


def aligned(switched: torch.Tensor, originals: torch.Tensor) -> torch.Tensor:
    """Give the mean cosine distance of words from those that they replace, both (n, d).

    The originals do not move. Aligned words as anchors across languages: Cao, Kitaev and Klein 2020
    (arXiv 2002.03518, equation 1, with the squared distance of contextual states).
    """
    return (1 - functional.cosine_similarity(switched, originals.detach(), dim=-1)).mean()
