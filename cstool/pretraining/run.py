"""The steps of a pre-training: what each needs, changes and keeps.

A loop of our own and not transformers' Trainer: what ends a run is a number of tokens, which is
known for each batch only when it has been made. Whatever is drawn depends on the seed and on how
far the run is, so that what is to be kept for going on is the weights and a few numbers.
"""

import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import torch
from torch.utils.tensorboard import SummaryWriter

from cstool import draws, processes
from cstool.devices import half_precision
from cstool.errors import CstoolError
from cstool.pretraining.corpus import Corpus, Stream
from cstool.pretraining.encoder import Encoder
from cstool.pretraining.masking import IGNORED
from cstool.pretraining.objectives import alignment, info_nce, masked_lm, pooled, uniformity
from cstool.pretraining.views import Batch, Views
from cstool.settings import Pretraining

_STATE = "state.pt"
_LOSSES = ("mlm", "contrastive", "loss")
_REPORTS = 100  # of the losses, per run
_MEASURES = 10  # of the embeddings
_MEASURED, _FORWARDED = 128, 32  # items whose embeddings are measured, and at a time
_LONGEST_GRADIENT = 1.0  # as transformers' Trainer clips
_COLLAPSED = -1e-3  # a uniformity above it: a mean cosine above 0.9997


@dataclass
class Progress:
    """How far a run is: all that has to be kept beside the weights."""

    steps: int = 0
    items: int = 0
    tokens: int = 0
    masked: int = 0
    without_negatives: int = 0
    unswitched: int = 0
    seconds: float = 0.0
    reported: int = 0
    first_loss: float | None = None  # means over the steps of the first and the last report
    last_loss: float = math.nan
    summed: int = 0  # steps since the last report, and the sums of their losses
    mlm: float = 0.0
    contrastive: float = 0.0
    loss: float = 0.0
    before: dict[str, float] = field(default_factory=dict)  # how good embeddings were at first

    def add(self, batch: Batch, losses: Sequence[float]) -> None:
        """Count a batch, and its losses: masked, contrastive, and what was minimised."""
        self.items += batch.items
        self.tokens += batch.tokens
        self.masked += batch.masked
        self.without_negatives += batch.alone
        self.unswitched += batch.unswitched
        self.summed += 1
        self.mlm, self.contrastive, self.loss = (
            total + one
            for total, one in zip((self.mlm, self.contrastive, self.loss), losses, strict=True)
        )

    def means(self) -> dict[str, float]:
        """Give the means of the losses since the last report, and begin anew."""
        found = {name: getattr(self, name) / self.summed for name in _LOSSES}
        self.last_loss = found["loss"]
        self.first_loss = self.last_loss if self.first_loss is None else self.first_loss
        self.summed, self.mlm, self.contrastive, self.loss = 0, 0.0, 0.0, 0.0
        return found

    def account(self) -> dict[str, Any]:
        """Tell what was done."""
        names = ("steps", "tokens", "masked", "without_negatives", "unswitched")
        return {
            "examples": self.items,
            **{name: getattr(self, name) for name in names},
            "seconds": round(self.seconds, 2),
            "first_loss": self.first_loss,
            "last_loss": None if math.isnan(self.last_loss) else self.last_loss,
        }


class Run:
    """What a step needs and changes."""

    def __init__(
        self,
        encoder: Encoder,
        corpus: Corpus,
        views: Views,
        settings: Pretraining,
        measuring: Views,
        device: str,
        work: Path,
    ) -> None:
        self.progress = Progress()
        self._encoder, self._settings, self._device, self._work = encoder, settings, device, work
        self._corpus, self._views, self._stream = corpus, views, Stream(corpus, settings.seed)
        self._measuring = measuring
        self._batch_size = min(settings.batch_size, len(corpus))
        encoder.model.to(device)
        self._parameters = [each for each in encoder.model.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(_groups(encoder.model, settings.weight_decay))
        self.precision = settings.precision
        if self.precision == "auto":
            self.precision = "bf16" if half_precision(device) == "bf16" else "fp32"
        self.logs = SummaryWriter(log_dir=str(work / "logs")) if processes.rank() == 0 else None

    def next(self) -> Batch | None:
        """Make the next batch, if there is one within the budget."""
        settings, progress = self._settings, self.progress
        if settings.objective == "none" or progress.steps == settings.max_steps:
            return None
        begun, room = perf_counter(), None
        if settings.token_budget is not None:
            room = settings.token_budget - progress.tokens
            if room < self._views.least:
                return None
        drawn = self._stream.take(progress.items, self._batch_size)
        batch = self._views.batch(drawn, room, processes.own(len(drawn)))
        progress.seconds += perf_counter() - begun
        return batch

    def step(self, batch: Batch) -> None:
        """Take a step of the optimiser; CstoolError if the losses are no numbers any more."""
        begun, settings, progress = perf_counter(), self._settings, self.progress
        # What dropout draws depends on the step alone, and so nothing of it has to be kept.
        torch.manual_seed(
            draws.named(settings.seed, "dropout", progress.steps, processes.rank()) >> 1
        )
        self._encoder.model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * self._rate()
        self._optimizer.zero_grad()
        mlm, contrastive = self._losses(batch)
        weight = settings.contrastive_weight if settings.objective == "both" else 1.0
        loss = mlm + weight * contrastive
        if loss.requires_grad:  # not if this process has no part of a small batch
            torch.autograd.backward(loss)
        processes.sum_gradients(self._parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, _LONGEST_GRADIENT))
        progress.steps += 1
        told = [float(processes.summed(mlm.detach())), float(contrastive.detach())]
        told.append(told[0] + weight * told[1])
        if not all(map(math.isfinite, (*told, norm))):
            raise CstoolError(
                f"the loss is {told[2]} and its gradient {norm} at step {progress.steps}: lower "
                "--learning-rate, or train with --precision fp32"
            )
        self._optimizer.step()
        progress.add(batch, told)
        progress.seconds += perf_counter() - begun

    def report(self) -> None:
        """Log the losses a hundred times a run, and measure the embeddings ten times.

        CstoolError if those of all texts have become the same.
        """
        progress = self.progress
        due = int(self.share() * _REPORTS)
        if due == progress.reported:
            return
        tenth = due * _MEASURES // _REPORTS > progress.reported * _MEASURES // _REPORTS
        progress.reported = due
        self._log(progress.means() | {"learning_rate": self._optimizer.param_groups[0]["lr"]})
        if tenth and self.logs:
            found = self.measured()
            self._log(found)
            is_warm = self.share() > self._settings.warmup_share
            if self._settings.contrasts and is_warm and found["uniformity"] > _COLLAPSED:
                raise CstoolError(
                    f"the embeddings of all texts have become the same (uniformity "
                    f"{found['uniformity']:.6f} at step {progress.steps}): lower --learning-rate, "
                    "or give larger batches"
                )

    @torch.inference_mode()
    def measured(self) -> dict[str, float]:
        """Measure alignment and uniformity on some items, always the same, without dropout."""
        self._encoder.model.eval()
        count = min(_MEASURED, len(self._corpus))
        numbers = self._corpus.order(-1, self._settings.seed)[:count]
        drawn = [(0, item) for item in self._corpus.items(numbers.tolist())]
        sides: list[list[torch.Tensor]] = [[], []]
        for start in range(0, count, _FORWARDED):
            some = drawn[start : start + _FORWARDED]
            batch = self._measuring.batch(some, None, range(len(some)))
            embeddings = self._embeddings(cast(Batch, batch)).float()
            for side, half in zip(sides, embeddings.chunk(2), strict=True):
                side.append(half)
        left, right = map(torch.cat, sides)
        return {"alignment": alignment(left, right), "uniformity": uniformity(left)}

    def share(self) -> float:
        """Give how much of the run is done."""
        done, of = self.told()[:2]
        return done / of

    def told(self) -> tuple[int, int, float]:
        """Give how far the run is, of how far, and the last loss."""
        settings, progress = self._settings, self.progress
        if settings.token_budget is not None:
            return progress.tokens, settings.token_budget, progress.last_loss
        return progress.steps, settings.max_steps or 1, progress.last_loss

    def save(self) -> None:
        """Keep all that is needed to go on; only the last such checkpoint stays."""
        if self.logs is None:
            return
        state = {
            "model": self._encoder.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "progress": asdict(self.progress),
        }
        folder = self._work / f"checkpoint-{self.progress.steps}"
        part = self._work / f".{folder.name}"
        part.mkdir(exist_ok=True)
        torch.save(state, part / _STATE)
        older = list(self._work.glob("checkpoint-*"))
        part.rename(folder)
        for each in older:
            shutil.rmtree(each)

    def load(self, checkpoint: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(checkpoint / _STATE, map_location=self._device, weights_only=True)
        self._encoder.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])

    def _rate(self) -> float:
        """Give the factor of the learning rate: it rises, stays, and falls to 0, all in a line.

        It rises for the warm-up steps, or through the warm-up's share of the run if that is
        shorter, and falls from the end of this share on.
        """
        share, settings = self.share(), self._settings
        rise = (self.progress.steps + 1) / max(settings.warmup_steps, 1)
        rise = max(rise, share / settings.warmup_share)
        return min(1.0, rise, (1 - share) / (1 - settings.warmup_share))

    def _losses(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Give this process's part of the masked-LM loss, and the whole contrastive loss.

        Both are means over the whole batch: over its masked tokens, over its pairs.
        """
        settings, device = self._settings, self._device
        mlm = contrastive = torch.zeros((), device=device)
        rows, length = batch.inputs["input_ids"].shape
        states = torch.zeros((0, length, self._encoder.model.config.hidden_size), device=device)
        inputs = {name: tensor.to(device) for name, tensor in batch.inputs.items()}
        with self._cast():
            if rows:
                states = self._encoder.states(inputs)
            if settings.masks and rows and batch.masked:
                labels = cast(torch.Tensor, batch.labels).to(device)
                there = labels != IGNORED
                logits = self._encoder.head()(states[there])
                mlm = masked_lm(logits, labels[there]) / batch.masked
        if settings.contrasts:
            own = pooled(states.float(), inputs["attention_mask"])
            left, right = (processes.gathered(half, batch.items) for half in _halves(own))
            contrastive = info_nce(left, right, batch.related, settings.temperature)
        return mlm, contrastive

    def _embeddings(self, batch: Batch) -> torch.Tensor:
        inputs = {name: tensor.to(self._device) for name, tensor in batch.inputs.items()}
        with self._cast():
            return self._encoder.embeddings(inputs)

    def _cast(self) -> torch.autocast:
        kind = self._device.partition(":")[0]
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16")

    def _log(self, values: dict[str, float]) -> None:
        if self.logs:
            for name, value in values.items():
                self.logs.add_scalar(f"train/{name}", value, self.progress.steps)
            self.logs.add_scalar("train/tokens", self.progress.tokens, self.progress.steps)


def _groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """Spare biases and LayerNorm, which are vectors, from weight decay, as BERT does."""
    trained = [each for each in model.parameters() if each.requires_grad]
    return [
        {"params": [each for each in trained if each.ndim > 1], "weight_decay": decay},
        {"params": [each for each in trained if each.ndim < 2], "weight_decay": 0.0},
    ]


def _halves(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]
