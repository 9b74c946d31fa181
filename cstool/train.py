"""Fine-tune a cross-encoder on training examples, through transformers' Trainer."""

import hashlib
import math
import shutil
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import accumulate, chain, groupby
from pathlib import Path
from typing import Any, cast

import orjson
import torch
from datasets import Dataset, Features, Value
from datasets.arrow_writer import ArrowWriter
from torch.nn import functional
from torch.utils.tensorboard import SummaryWriter
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    set_seed,
)
from transformers.integrations.integration_utils import TensorBoardCallback
from transformers.trainer_utils import get_last_checkpoint

from cstool import formats
from cstool.codeswitch import Switcher
from cstool.crossencoder import CrossEncoder
from cstool.devices import find_device, half_precision
from cstool.errors import CstoolError
from cstool.formats import EXAMPLE_KEYS
from cstool.losses import GROUPED, LOSSES, TAUGHT, Loss, Targets, aligned
from cstool.records import Example
from cstool.replacements import marked, restored
from cstool.settings import DATA, PLAN, Training

Teacher = Mapping[tuple[str, str], float]  # qid, pid -> score
Step = Callable[[int, int, float], None]  # step, of how many, mean loss since the last report
_ROWS = 1000  # examples per write
_TEACHER = "teacher_score"
_EXTRA = ("copy", "switched", _TEACHER)
_REPORTS = 100  # of the loss, per run


def train(
    examples: Iterable[Example],
    base: str,
    work: Path,
    settings: Training,
    *,
    switcher: Switcher | None = None,
    teacher: Teacher | None = None,
    resume: bool = False,
    on_step: Step = lambda step, of, loss: None,
) -> tuple[CrossEncoder, dict[str, Any]]:
    """Train and give the cross-encoder and an account of its training.

    With a switcher, every example is switched anew in every epoch, when its batch is made. A loss
    that compares the passages of a query takes groups of examples, and `batch_size` counts these:
    a group is what stands together with the same qid and copy number. `teacher` has the scores
    that some losses learn from, by qid and pid.
    `work` is a folder for the data, the checkpoints and the TensorBoard logs. With `resume` the
    last checkpoint in it is continued, and ends with the weights of an uninterrupted run (same
    machine, device, precision and thread count); CstoolError if it was begun with other data or
    settings.
    """
    work.mkdir(parents=True, exist_ok=True)
    if switcher:
        examples = _switchable(examples, switcher)
    groups = _groups(examples, settings.loss, teacher)
    marks = settings.align_words and switcher is None
    data, account = _dataset(groups, work / DATA, need_marks=marks)
    steps = settings.steps(len(data))
    warmup = min(settings.warmup_steps, int(settings.warmup_share * steps))
    plan = {"base": base, **asdict(settings), "max_steps": steps, "warmup_steps": warmup, **account}
    if switcher:
        plan["switching_sha256"] = switcher.digest()
    checkpoint = _checkpoint(work, plan) if resume else None
    (work / PLAN).write_bytes(orjson.dumps(plan))

    set_seed(settings.seed)  # the fresh classifier depends on it
    model = CrossEncoder.begin(base, max_length=settings.max_length, default=Training.LENGTH)
    device = find_device(settings.device)
    precision = settings.precision
    if precision == "auto":
        precision = half_precision(device) or "fp32"
    arguments = TrainingArguments(
        output_dir=str(work),
        max_steps=steps,
        per_device_train_batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=warmup,
        weight_decay=settings.weight_decay,  # the Trainer spares biases and LayerNorm
        bf16=precision == "bf16",
        fp16=precision == "fp16",
        use_cpu=device == "cpu",
        seed=settings.seed,
        save_steps=settings.save_steps,
        save_total_limit=2,
        logging_steps=math.ceil(steps / _REPORTS),
        logging_nan_inf_filter=False,
        dataloader_pin_memory=device != "cpu",
        remove_unused_columns=False,
        disable_tqdm=True,
        report_to="none",
    )
    logs = SummaryWriter(log_dir=str(work / "logs"))
    trainer = _Trainer(
        model=model.model,
        args=arguments,
        train_dataset=data,
        data_collator=(collator := _Collator(model, settings.align_words, switcher)),
        callbacks=[TensorBoardCallback(logs), _Reporter(on_step), _Epochs(collator)],
    )
    trainer.remove_callback(PrinterCallback)  # it would print on stdout
    trainer.loss = LOSSES[settings.loss]
    trainer.loss_is_scaled_for_ga = False
    if settings.align_words:
        _detach_embeddings(model.model)
    result = trainer.train(resume_from_checkpoint=checkpoint)
    logs.close()
    return model, plan | {
        "device": device,
        "precision": precision,
        "mean_loss": result.training_loss,
        "truncated_passages": model.encoder.truncated_passages,
        "truncated_queries": model.encoder.truncated_queries,
    }


class _Trainer(Trainer):
    """The Trainer with our loss on the one logit."""

    loss: Loss

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        wanted = {name: inputs.pop(name, None) for name in ("labels", "groups", "teacher")}
        words = cast(dict[str, Any], inputs).pop("words", None)
        outputs = model(**inputs)
        loss = self.loss(outputs.logits.squeeze(-1), Targets(**cast(dict[str, Any], wanted)))
        if words:
            table = self.accelerator.unwrap_model(model).get_input_embeddings().weight
            loss = loss + aligned(
                *(_means(table, words[side]) for side in ("switched", "originals"))
            )
        return (loss, outputs) if return_outputs else loss


def _detach_embeddings(model: Any) -> None:
    """Keep the gradient of the ranking loss away from the embeddings.

    In a short fine-tuning it is noise to all words but those of the examples, and Adam makes full
    steps of it: words would lose each other while their translations are to find them.
    """
    embeddings = getattr(model.base_model, "embeddings", model.get_input_embeddings())
    embeddings.register_forward_hook(lambda module, inputs, output: output.detach())


def _means(table: torch.Tensor, words: dict[str, torch.Tensor]) -> torch.Tensor:
    """Give the mean embedding (n, d) of the tokens of each word."""
    return functional.embedding_bag(words["ids"], table, words["starts"], mode="mean").float()


class _Reporter(TrainerCallback):
    """Passes on how far the training is; stops it when the loss is no number any more."""

    def __init__(self, on_step: Step) -> None:
        self._on_step, self._loss = on_step, math.nan

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        loss = (logs or {}).get("loss")
        if loss is not None and not math.isfinite(loss):
            raise CstoolError(
                f"the loss is {loss} at step {state.global_step}: lower --learning-rate, "
                "or train with --precision fp32"
            )
        self._loss = loss if loss is not None else self._loss

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._on_step(state.global_step, state.max_steps, self._loss)


class _Epochs(TrainerCallback):
    """Tells the collator which epoch begins, or goes on: the draws depend on it."""

    def __init__(self, collator: "_Collator") -> None:
        self._collator = collator

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._collator.epoch = int(state.epoch or 0)


class _Collator:
    """Switches and tokenises examples when they are needed; pads them to the longest of a batch."""

    def __init__(self, model: CrossEncoder, align_words: bool, switcher: Switcher | None) -> None:
        self._encoder, self._align_words, self._switcher = model.encoder, align_words, switcher
        self.epoch = 0

    def __call__(self, groups: list[list[Example]]) -> dict[str, Any]:
        examples = [example for group in groups for example in group]
        if self._switcher:
            examples = self._switched(self._switcher, examples)
        encoded = self._encoder.encode([(example.query, example.passage) for example in examples])
        labels = torch.tensor([example.label for example in examples], dtype=torch.float32)
        batch: dict[str, Any] = {
            **self._encoder.batch(encoded),
            "labels": labels,
            "groups": torch.arange(len(groups)).repeat_interleave(
                torch.tensor([len(group) for group in groups])
            ),
        }
        if _TEACHER in examples[0].extra:
            batch["teacher"] = torch.tensor([each.extra[_TEACHER] for each in examples])
        if self._align_words and (
            pairs := [p for example in examples for p in self._pairs(example)]
        ):
            sides = zip(*pairs, strict=True)
            batch["words"] = dict(zip(("switched", "originals"), map(_bags, sides), strict=True))
        return batch

    def _switched(self, switcher: Switcher, examples: list[Example]) -> list[Example]:
        made = switcher.records(examples, epoch=self.epoch, with_sides=self._align_words)
        switcher.accounts.clear()  # of all epochs together they would say little
        return [
            marked(new, sides) if self._align_words else cast(Example, new) for new, sides in made
        ]

    def _pairs(self, example: Example) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
        """Give the tokens of every replacement and those of the words that it replaces."""
        for side, text in (("query", example.query), ("passage", example.passage)):
            found = example.extra.get("switched", {}).get(side, [])
            original, spans = restored(text, found)
            switched = [(start, end) for start, end, _ in found]
            left = self._encoder.tokens(text, switched)
            right = self._encoder.tokens(original, spans)
            yield from (pair for pair in zip(left, right, strict=True) if all(pair))


def _bags(words: Sequence[tuple[int, ...]]) -> dict[str, torch.Tensor]:
    """Put the tokens of words one after another, and say where each word starts."""
    return {
        "ids": torch.tensor(list(chain.from_iterable(words))),
        "starts": torch.tensor([0, *accumulate(map(len, words[:-1]))]),
    }


def _switchable(examples: Iterable[Example], switcher: Switcher) -> Iterator[Example]:
    for example in examples:
        switcher.check(example)
        yield example


def _groups(
    examples: Iterable[Example], loss: str, teacher: Teacher | None
) -> Iterator[list[Example]]:
    """Put examples into groups, of one each if the loss does not compare any."""
    if loss in TAUGHT:
        if teacher is None:
            raise CstoolError(f"the loss {loss} learns from a teacher: give --teacher-scores")
        examples = _taught(examples, teacher)
    if loss not in GROUPED:
        yield from ([example] for example in examples)
        return
    for qid, together in groupby(examples, key=lambda example: example.qid):
        copies: dict[Any, list[Example]] = {}
        for example in together:
            copies.setdefault(example.extra.get("copy"), []).append(example)
        for group in copies.values():
            if len({example.label for example in group}) < 2:
                lacks = "negative" if group[0].label else "positive"
                raise CstoolError(
                    f"query {qid} has no {lacks} passage beside the others: the loss {loss} "
                    "compares them, so they must stand together"
                )
            yield group


def _taught(examples: Iterable[Example], teacher: Teacher) -> Iterator[Example]:
    for example in examples:
        score = teacher.get((example.qid, example.pid))
        if score is None:
            raise CstoolError(
                f"query {example.qid} with passage {example.pid} has no score of the teacher"
            )
        yield replace(example, extra={**example.extra, _TEACHER: score})


class _Groups(torch.utils.data.Dataset[list[Example]]):
    """Groups of examples, read from an Arrow file when they are needed."""

    def __init__(self, data: Dataset, starts: "array[int]") -> None:
        self._data, self._starts = data, starts

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __getitem__(self, number: int) -> list[Example]:
        columns = self._data[self._starts[number] : self._starts[number + 1]]
        rows = zip(*(columns[key] for key in (*EXAMPLE_KEYS, "extra")), strict=True)
        return [
            Example(qid, query, pid, passage, label, orjson.loads(extra))
            for qid, query, pid, passage, label, extra in rows
        ]


def _dataset(
    groups: Iterable[list[Example]], path: Path, *, need_marks: bool
) -> tuple[_Groups, dict[str, Any]]:
    """Write examples to an Arrow file and map it into memory, so that they need not fit there."""
    features = Features(
        {key: Value("float32" if key == "label" else "string") for key in EXAMPLE_KEYS}
        | {"extra": Value("string")}  # JSON, of the further keys that are of use here
    )
    digest, positives, is_marked = hashlib.sha256(), 0.0, False
    starts = array("q", [0])
    with ArrowWriter(path=str(path), features=features, writer_batch_size=_ROWS) as writer:
        for group in groups:
            for example in group:
                digest.update(formats.format_example(example).encode())
                positives += example.label
                is_marked |= "switched" in example.extra
                extra = {key: example.extra[key] for key in _EXTRA if key in example.extra}
                row = {key: getattr(example, key) for key in EXAMPLE_KEYS}
                writer.write(row | {"extra": orjson.dumps(extra).decode()})
            starts.append(starts[-1] + len(group))
        writer.finalize()
    if len(starts) == 1:
        raise CstoolError("there is no training example")
    if need_marks and not is_marked:
        raise CstoolError("no example says what was replaced in it: use codeswitch --mark")
    return _Groups(Dataset.from_file(str(path)), starts), {
        "examples": starts[-1],
        "groups": len(starts) - 1,
        "positives": positives,
        "examples_sha256": digest.hexdigest(),
    }


def _checkpoint(work: Path, plan: dict[str, Any]) -> str | None:
    begun = work / PLAN
    if not begun.is_file():
        return None
    old = orjson.loads(begun.read_bytes())
    if changed := sorted(key for key in plan.keys() | old.keys() if plan.get(key) != old.get(key)):
        told = ", ".join(f"{key} was {old.get(key)}, is {plan.get(key)}" for key in changed)
        raise CstoolError(f"{work} cannot be resumed: {told}")
    last: str | None = get_last_checkpoint(str(work))
    return last


def clear(work: Path) -> None:
    """Remove the data and the checkpoints of a run that has ended or is not wanted."""
    shutil.rmtree(work, ignore_errors=True)
