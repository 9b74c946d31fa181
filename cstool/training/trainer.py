"""transformers' Trainer, with what it has no arguments for."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch.nn import functional
from torch.utils.data import DataLoader
from transformers import Trainer, TrainingArguments

from cstool import processes
from cstool.crossencoder import CrossEncoder
from cstool.settings import Training
from cstool.training import aligned_words
from cstool.training.batches import Part
from cstool.training.checkpoints import Checkpoints
from cstool.training.data import Groups
from cstool.training.losses import LOSSES, Targets, aligned, consistent
from cstool.training.order import Order
from cstool.training.validation import Validation
from cstool.training.watch import Collapse, check_loss

_REPORTS = 100  # of the loss, per run
_LOOKS = 20  # at the scores, per run
_VALIDATIONS = 10  # per run, unless told otherwise
_PREFIX = "validation "  # of values in the logs


def arguments(
    work: Path,
    settings: Training,
    plan: dict[str, Any],
    device: str,
    precision: str,
    validated: bool,
) -> TrainingArguments:
    """Say to the Trainer what it needs to know of a run."""
    steps = plan["max_steps"]
    given = TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=plan["warmup_steps"],
        weight_decay=settings.weight_decay,  # the Trainer spares biases and LayerNorm
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        ddp_backend=processes.backend(device),
        seed=settings.seed,
        save_steps=settings.save_steps,
        save_total_limit=2,
        eval_strategy="steps" if validated else "no",
        eval_steps=settings.validate_steps or math.ceil(steps / _VALIDATIONS),
        logging_steps=math.ceil(steps / _REPORTS),
        logging_nan_inf_filter=False,
        dataloader_pin_memory=device != "cpu",
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
    )
    if device != "cpu":
        given._n_gpu = 1  # else a process takes all there are, and copies the model to each
    return given


class RankingTrainer(Trainer):
    """The Trainer with our order, our loss on the one logit, and our validation."""

    def begin(
        self,
        encoder: CrossEncoder,
        settings: Training,
        order: Order,
        validation: Validation | None,
        checkpoints: Checkpoints,
    ) -> None:
        """Get what the Trainer's own arguments have no place for."""
        self._encoder, self._settings, self._order = encoder, settings, order
        self._validation, self._checkpoints = validation, checkpoints
        self._collapse = Collapse(encoder.model, encoder.model.forward)
        self.seen = 0  # examples, of all processes
        # Of all steps, also before a resumption: the sum of the losses, this process's part of it,
        # and how many passages and queries were cut, of all processes.
        exact = torch.float64 if self.args.device.type != "mps" else torch.float32
        self._losses = torch.zeros((), dtype=exact, device=self.args.device)
        self._cut = [0, 0]
        self._lengths = aligned_words.lengths(encoder.model) if settings.align_words else None

    def create_optimizer(self, *args: Any, **options: Any) -> torch.optim.Optimizer:
        """Let no step change the length of an embedding that is drawn to another."""
        made = super().create_optimizer(*args, **options)
        if self._lengths is not None:
            model, lengths = self._encoder.model, self._lengths
            made.register_step_post_hook(lambda *_: aligned_words.stretch(model, lengths))
        return made

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Give all batches of the run, each whole: its processes share it themselves."""
        return DataLoader(
            cast(Groups, self.train_dataset),
            batch_sampler=cast(Any, self._order),
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )

    def training_step(
        self,
        model: torch.nn.Module,
        inputs: dict[str, Any],
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> torch.Tensor:
        """Add up the gradients of the parts of a batch, and give the loss of the whole."""
        self._encoder.model.train()
        parts: list[Part] = inputs["parts"]
        own = [sum(map(count, parts)) for count in (_units, _pairs, _words, _examples)]
        own += inputs["cut"]
        whole = processes.summed(torch.tensor(own).to(self.args.device)).tolist()
        self.seen += whole[3]
        self._cut = [known + new for known, new in zip(self._cut, whole[4:], strict=True)]
        total = torch.zeros((), device=self.args.device)
        for part in parts:
            with self.compute_loss_context_manager():
                loss = self._loss(self._there(part), whole)
            self.accelerator.backward(loss)
            total += loss.detach()
        processes.sum_gradients(self._encoder.model.parameters())
        self._losses += total
        step, looks = self.state.global_step + 1, max(1, self.state.max_steps // _LOOKS)
        if step % looks == 0 and step > self.args.warmup_steps:
            self._collapse.look(self._there(parts[0]), step)
        return total * processes.count()  # the Trainer takes the mean over processes

    def _loss(self, part: Part, whole: Sequence[int]) -> torch.Tensor:
        """Give what a part contributes to the loss of a batch with so many units, pairs, words."""
        units, pairs, words = whole[:3]
        count = _examples(part)
        # Not the wrapped model: the gradients are added up here, once for all parts.
        logits = self._encoder.model(**part["inputs"]).logits.squeeze(-1)
        targets = Targets(
            part["labels"], part["groups"], part.get("teacher"), self._settings.ddro_beta
        )
        loss = LOSSES[self._settings.loss](logits[:count], targets) * (_units(part) / units)
        if here := _pairs(part):
            apart = consistent(logits[part["switched"]], logits[count:])
            loss = loss + self._settings.align_weight * apart * (here / pairs)
        if here := _words(part):
            table = self._encoder.model.get_input_embeddings().weight
            bags = part["words"]
            sides = (_means(table, bags[side]) for side in ("switched", "originals"))
            loss = loss + aligned(*sides) * (here / words)
        return loss

    def _there(self, part: Part) -> Part:
        return cast(Part, self._prepare_input(cast(Any, part)))

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Measure, and keep the weights if there were none better."""
        measured = cast(Validation, self._validation).measure(self._encoder)
        self.log({f"{_PREFIX}{name}": value for name, value in measured.items()})
        step = self.state.global_step
        by = self._settings.validate_by
        if self._settings.keep == "best" and self._checkpoints.best_step(self.values(), by) == step:
            self._checkpoints.save_best(self._encoder.model, step)
        handler = self.callback_handler  # which also notes that this has been done
        self.control = handler.on_evaluate(self.args, self.state, self.control, measured)
        return measured

    def values(self) -> list[dict[str, float]]:
        """List what was measured so far, with the steps, also before a resumption."""
        cut = len(_PREFIX)
        return [
            {"step": row["step"]}
            | {name[cut:]: value for name, value in row.items() if name.startswith(_PREFIX)}
            for row in self.state.log_history
            if any(name.startswith(_PREFIX) for name in row)
        ]

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Give none: they are not reported."""
        return 0

    def account(self) -> dict[str, Any]:
        """Tell of all steps, before a resumption and after: the mean loss, and what was cut.

        CstoolError if the loss of one was no number.
        """
        step, (passages, queries) = self.state.global_step, self._cut
        losses = float(processes.summed(self._losses.clone()))
        check_loss(losses, step)
        return {
            "losses": losses,
            "mean_loss": losses / max(1, step),
            "truncated_passages": passages,
            "truncated_queries": queries,
        }

    def _save_checkpoint(self, model: torch.nn.Module, trial: Any) -> None:
        account = self.account()  # and nothing is saved that nobody can go on from
        with self._checkpoints.saving(self.state.global_step, account):
            super()._save_checkpoint(model, trial)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        account = self._checkpoints.account(Path(resume_from_checkpoint))
        self._cut = [account["truncated_passages"], account["truncated_queries"]]
        if processes.rank() == 0:  # the sum over processes counts it once
            self._losses += account["losses"]


def _units(part: Part) -> int:
    return int(part["units"])


def _pairs(part: Part) -> int:
    return len(part["switched"])


def _words(part: Part) -> int:
    return len(bags["switched"]["starts"]) if (bags := part.get("words")) else 0


def _examples(part: Part) -> int:
    return len(part["labels"])


def _means(table: torch.Tensor, words: dict[str, torch.Tensor]) -> torch.Tensor:
    """Give the mean embedding (n, d) of the tokens of each word."""
    return functional.embedding_bag(words["ids"], table, words["starts"], mode="mean").float()
