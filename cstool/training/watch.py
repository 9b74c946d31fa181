"""What is looked at while a training runs: how far it is, and whether it goes wrong."""

import math
from collections.abc import Callable
from typing import Any

import torch
from transformers import TrainerCallback

from cstool.devices import peak_memory
from cstool.errors import CstoolError
from cstool.training.batches import Part

# Step, of how many, mean loss since the last report (NaN while there is none), examples since the
# beginning or the resumption, bytes of memory at their most.
Step = Callable[[int, int, float, int, int], None]

_LOOKS = 3  # one after the other: a model may pass through a point where all is the same
_ROWS = 8  # of the lowest label, and of the highest
# Far above what rounding in float32 makes of equal scores, far below what a model has that has
# learnt nothing yet: about 0.01, and 0.001 of one that sits on a plateau.
_SAME = 1e-5


def check_loss(loss: float, step: int) -> None:
    """Stop a training whose loss is no number any more: CstoolError."""
    if not math.isfinite(loss):
        raise CstoolError(
            f"the loss is {loss} at step {step}: lower --learning-rate, or train with "
            "--precision fp32"
        )


class Reporter(TrainerCallback):
    """Passes on how far the training is; stops it when the loss is no number any more."""

    def __init__(self, on_step: Step, seen: Callable[[], int]) -> None:
        self._on_step, self._seen, self._loss = on_step, seen, math.nan

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        """Remember the loss; CstoolError if it is no number."""
        loss = (logs or {}).get("loss")
        if loss is not None:
            check_loss(loss, state.global_step)
            self._loss = loss

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Tell of the step."""
        step, of = state.global_step, state.max_steps
        self._on_step(step, of, self._loss, self._seen(), peak_memory(args.device.type))


class Collapse:
    """Stops a training whose model gives all passages the same score, whatever their labels are.

    `forward` is that of the model in float32. Looked at is the model without dropout, which would
    hide that nothing else makes a difference.
    """

    def __init__(self, model: torch.nn.Module, forward: Callable[..., Any]) -> None:
        self._model, self._forward, self._since, self._found = model, forward, 0, 0

    @torch.no_grad()
    def look(self, part: Part, step: int) -> None:
        """Score some examples of both kinds; CstoolError if it was in vain several times."""
        labels = part["labels"]
        order = labels.argsort(stable=True)
        low, high = order[:_ROWS], order[-_ROWS:]
        if labels[low[0]] == labels[high[-1]]:
            return
        rows = torch.cat([low, high])
        self._model.eval()
        scores = self._forward(**{name: rows_of[rows] for name, rows_of in part["inputs"].items()})
        self._model.train()
        logits = scores.logits.float()
        if not logits.isfinite().all():
            return  # the loss will tell
        if logits.max() - logits.min() > _SAME * max(1.0, float(logits.abs().max())):
            self._found = 0
            return
        self._since = self._since if self._found else step
        self._found += 1
        if self._found == _LOOKS:
            raise CstoolError(
                f"since step {self._since} all passages get the same score, so there is nothing "
                "left to learn from: lower --learning-rate, raise --warmup-steps or take another "
                "--seed"
            )
