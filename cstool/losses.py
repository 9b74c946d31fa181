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
