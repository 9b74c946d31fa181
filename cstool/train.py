"""Fine-tune a cross-encoder on training examples, through transformers' Trainer."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson
import torch
from torch.utils.tensorboard import SummaryWriter
from transformers import PrinterCallback, TrainerCallback, set_seed
from transformers.integrations.integration_utils import (
    TensorBoardCallback,
    get_reporting_integration_callbacks,
)

from cstool import files, processes
from cstool.codeswitch import Switcher
from cstool.crossencoder import CrossEncoder
from cstool.devices import find_device, half_precision, keep_memory
from cstool.errors import CstoolError
from cstool.settings import PLAN, Training
from cstool.training import aligned_words, data
from cstool.training.batches import Batches
from cstool.training.checkpoints import Checkpoints
from cstool.training.data import Groups, Source, Teacher
from cstool.training.order import Order
from cstool.training.trainer import RankingTrainer, arguments
from cstool.training.validation import Validation
from cstool.training.watch import Reporter, Step


def train(
    sources: Sequence[Source],
    base: str,
    work: Path,
    settings: Training,
    *,
    switcher: Switcher | None = None,
    teacher: Teacher | None = None,
    validation: Validation | None = None,
    resume: bool = False,
    report_to: Sequence[str] = (),
    on_step: Step = lambda step, of, loss, examples, memory: None,
) -> tuple[CrossEncoder, dict[str, Any]]:
    """Train and give the cross-encoder and an account of its training.

    With a switcher, every example is switched anew in every epoch, when its batch is made. A loss
    that compares the passages of a query takes groups of examples, and `batch_size` counts these:
    a group is what stands together with the same qid and copy number. `teacher` has the scores
    that some losses learn from, by qid and pid.
    `work` is a folder for the data, the checkpoints and the TensorBoard logs. With `resume` the
    last checkpoint in it is continued, and ends with the weights of an uninterrupted run (same
    machine, device, precision, thread and process count); CstoolError if it was begun with other
    data or settings. Several processes, started by torchrun, share every batch; the first one
    alone reads `sources` and writes.
    """
    reporters = _reporters(report_to)
    device = find_device(settings.device)
    keep_memory(device)
    processes.join(device)
    checkpoints = Checkpoints(work)
    set_seed(settings.seed)  # the fresh classifier depends on it
    model = CrossEncoder.begin(base, max_length=settings.max_length, default=Training.LENGTH)
    if processes.rank() == 0:
        work.mkdir(parents=True, exist_ok=True)
        begun = {"base": base, "base_digest": model.fingerprint()}
        plan = begun | _plan(sources, work, settings, switcher, teacher, validation)
        if resume:
            checkpoints.check(plan)
        with files.atomic(work / PLAN) as out:
            out.write(orjson.dumps(plan))
    processes.wait()
    plan = orjson.loads((work / PLAN).read_bytes())
    checkpoint = checkpoints.last() if resume else None

    precision = settings.precision
    if precision == "auto":
        precision = half_precision(device) or "fp32"
    budget = settings.token_budget or (Training.CPU_TOKENS if device == "cpu" else None)
    sizes = [source["groups"] for source in plan.get("sources", [plan])]
    weights = [source["weight"] for source in plan.get("sources", [{"weight": 1}])]
    order = Order(sizes, weights, settings.batch_size, plan["max_steps"], settings.seed)
    batches = Batches(
        model.encoder,
        settings.loss,
        switcher,
        align_words=settings.align_words,
        align_texts=settings.align_weight > 0,
        token_budget=budget,
        share=(processes.rank(), processes.count()),
    )
    trainer = RankingTrainer(
        model=model.model,
        args=arguments(work, settings, plan, device, precision, validation is not None),
        train_dataset=(groups := Groups(work)),
        eval_dataset=groups,  # of which only the presence counts: see `evaluate`
        data_collator=batches,
    )
    trainer.remove_callback(PrinterCallback)  # it would print on stdout
    trainer.begin(model, settings, order, validation, checkpoints)
    logs = SummaryWriter(log_dir=str(work / "logs")) if processes.rank() == 0 else None
    if logs:
        trainer.add_callback(TensorBoardCallback(logs))
    for reporter in (*reporters, Reporter(on_step, lambda: trainer.seen), checkpoints):
        trainer.add_callback(reporter)
    if settings.checkpointing:
        old = "gradient_checkpointing_enable"  # as older transformers call it
        enable = getattr(model.model, "activation_checkpointing_enable", None)
        (enable or getattr(model.model, old))({"use_reentrant": False})
    if settings.align_words:
        aligned_words.prepare(model, groups)
    if processes.rank():  # each has its own dropout
        torch.manual_seed(settings.seed + (processes.rank() << 32))
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    if logs:
        logs.close()
    account = trainer.account()
    del account["losses"]
    found = _kept(trainer.values(), settings, plan["max_steps"], model, checkpoints)
    processes.wait()  # until each has what it needs of the folder
    return model, plan | found | account | {
        "device": device,
        "precision": precision,
        "token_budget": budget,
    }


def _kept(
    values: list[dict[str, float]],
    settings: Training,
    last: int,
    model: CrossEncoder,
    checkpoints: Checkpoints,
) -> dict[str, Any]:
    """Give the model the weights that are to be kept, and say which these are."""
    if not values:
        return {}
    step = last
    if settings.keep == "best":
        step = checkpoints.best_step(values, settings.validate_by)
        if processes.rank() == 0:  # who writes them, and the model
            checkpoints.load_best(model.model, step)
    return {"validation": values, "kept_step": step}


def _plan(
    sources: Sequence[Source],
    work: Path,
    settings: Training,
    switcher: Switcher | None,
    teacher: Teacher | None,
    validation: Validation | None,
) -> dict[str, Any]:
    """Write the data, and say what a run has to be begun with to be the same one."""
    account = data.write(
        sources,
        work,
        loss=settings.loss,
        teacher=teacher,
        switcher=switcher,
        need_marks=(settings.align_words or settings.align_weight > 0) and switcher is None,
    )
    steps = settings.steps(account["groups"], len(sources))
    plan = {
        **asdict(settings),
        "max_steps": steps,
        "warmup_steps": min(settings.warmup_steps, int(settings.warmup_share * steps)),
        "processes": processes.count(),
        **account,
    }
    return (
        plan
        | ({"switching_sha256": switcher.digest()} if switcher else {})
        | ({"validation_sha256": validation.digest()} if validation else {})
    )


def _reporters(names: Sequence[str]) -> list[TrainerCallback]:
    """Begin to report elsewhere as well; CstoolError if the Trainer does not know how."""
    try:
        return [begin() for begin in get_reporting_integration_callbacks(list(names))]
    except (ImportError, KeyError, RuntimeError, ValueError) as error:
        raise CstoolError(f"--report-to {','.join(names)}: {error}") from error


def save(model: CrossEncoder, folder: Path, card: dict[str, Any]) -> None:
    """Write the model to a folder; CstoolError if there is no room, as nothing else fails there."""
    try:
        model.save(folder, card)
    except (OSError, RuntimeError, ValueError) as error:
        raise CstoolError(f"the model cannot be written: {error}") from error
