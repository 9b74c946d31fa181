"""What `cstool train` does behind its options: check, read, train with each seed, write."""

import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import typer

from cstool import console, files, formats, unfinished
from cstool.cli.job import Job, plain
from cstool.cli.options import LARGEST_SEED
from cstool.errors import CstoolError
from cstool.settings import Training

if TYPE_CHECKING:
    from cstool.codeswitch import Switcher
    from cstool.training.data import Teacher
    from cstool.training.validation import Validation

# What may differ when the seeds of an experiment are gone on with.
_FREE = frozenset({"seed", "seeds", "resume", "report_to", "save_steps", "output"})


@dataclass(frozen=True)
class Plan:
    """What is to be trained, for each of the seeds."""

    sources: Sequence[tuple[Path, float]]  # and their weights
    base: str
    settings: Training
    switcher: "Callable[[Job, int], Switcher | None]"  # for a seed; its lexicon is an input
    teacher: Path | None
    validate: Path | None
    resume: bool | None
    report_to: Sequence[str]


def parse_source(value: str) -> tuple[Path, float]:
    """Read FILE=WEIGHT; without a weight it is 1."""
    name, found, weight = value.rpartition("=")
    try:
        number = float(weight) if found else 1.0
    except ValueError:  # a file with = in its name
        return Path(value), 1.0
    if not 0 < number < math.inf:
        raise typer.BadParameter(f"{value}: expected a weight above 0")
    return Path(name or value), number


def checked_sources(values: list[str] | None) -> list[str] | None:
    """Check sources while options are parsed."""
    for value in values or ():
        parse_source(value)
    return values


def sources(file: Path, data: list[str] | None) -> list[tuple[Path, float]]:
    """Choose what is read: a file, or what --data names."""
    if not data:
        return [(file, 1.0)]
    if file != files.STDIO:
        raise typer.BadParameter("give FILE or --data, not both")
    found = [parse_source(value) for value in data]
    if len({path.resolve() for path, _ in found}) < len(found):
        raise typer.BadParameter("--data names a file twice: add up its weights")
    return found


def parse_seeds(value: str | None) -> list[int]:
    """Read 1,2,3."""
    try:
        seeds = [int(seed) for seed in value.split(",")] if value else []
    except ValueError:
        raise typer.BadParameter(f"{value!r}: expected whole numbers such as 1,2,3") from None
    if any(not 0 <= seed <= LARGEST_SEED for seed in seeds):
        raise typer.BadParameter(f"{value}: a seed is from 0 to {LARGEST_SEED}")
    if len(set(seeds)) < len(seeds):
        raise typer.BadParameter(f"{value}: a seed is named twice")
    return seeds


def checked_seeds(value: str | None) -> str | None:
    """Check seeds while options are parsed."""
    parse_seeds(value)
    return value


def run(job: Job, plan: Plan, output: Path, seeds: Sequence[int]) -> None:
    """Train once, or with each of several seeds into a folder of its own."""
    if not output.name:
        raise typer.BadParameter(f"{output}: name a folder that can be made")
    paths = [path for path, _ in plan.sources] + [plan.teacher, plan.validate]
    given = [path for path in paths if path is not None]
    if seeds and (plan.settings.seed != Training.seed or job.rejects or files.STDIO in given):
        raise typer.BadParameter(
            "--seeds reads the examples once for each: it goes without --seed, standard input and "
            "--on-error skip"
        )
    from cstool import processes
    from cstool.loading import check_model

    todo = _todo(job, output, seeds) if seeds else {plan.settings.seed: output}
    for folder in todo.values():
        unfinished.check(folder, plan.resume, first=processes.rank() == 0)
    for path in given:
        files.check_input(path)
    check_model(plan.base)
    for seed, folder in todo.items():
        # With several seeds each has an account of its own, as if it had been trained alone.
        one = Job(job.command, {**job.settings, "seed": seed}) if seeds else job
        _train(one, replace(plan, settings=replace(plan.settings, seed=seed)), folder)
    processes.leave()


def _todo(job: Job, output: Path, seeds: Sequence[int]) -> dict[int, Path]:
    """Choose the seeds that are to be trained, each with its folder."""
    folders = {seed: output / str(seed) for seed in seeds}
    done = [seed for seed, path in folders.items() if _is_trained(path, job.settings)]
    for seed in done:
        job.say(f"{folders[seed]}: is there already")
    return {seed: path for seed, path in folders.items() if seed not in done}


def _is_trained(output: Path, settings: Any) -> bool:
    """Tell whether a seed is there already; CstoolError if it was trained otherwise."""
    card = output / files.CARD
    if not card.is_file():
        return False
    try:
        account = orjson.loads(card.read_bytes())
        old: dict[str, Any] = dict(account["settings"])
        inputs = [(Path(each["path"]), str(each["sha256"])) for each in account["inputs"]]
    except (OSError, ValueError, KeyError, TypeError):
        raise CstoolError(f"{card}: is no account of a training, so nothing is replaced") from None
    now = {name: plain(value) for name, value in settings.items()}
    keys = (old.keys() | now.keys()) - _FREE
    if other := sorted(key for key in keys if old.get(key) != now.get(key)):
        told = ", ".join(f"{key} was {old.get(key)}, is {now.get(key)}" for key in other)
        raise CstoolError(f"{output} was trained otherwise: {told}")
    for path, sha256 in inputs:
        if path.is_file() and files.digest(path) != sha256:
            raise CstoolError(f"{output} was trained otherwise: {path} has changed since")
    return True


def _train(job: Job, plan: Plan, output: Path) -> None:
    """Train into one folder; of several processes, the first one writes it."""
    from cstool import processes
    from cstool.train import save, train
    from cstool.training import modelcard
    from cstool.training.data import Source

    work = unfinished.folder(output)
    first = processes.rank() == 0
    switcher = plan.switcher(job, plan.settings.seed)
    sources = [Source(job.read(path, formats.parse_example), w) for path, w in plan.sources]
    teacher = _teacher(job, plan.teacher) if plan.teacher else None
    validation = _validation(job, plan, teacher)
    if first and not plan.resume:
        unfinished.clear(work)
    try:
        with console.steps("training") as on_step:
            model, account = train(
                sources,
                plan.base,
                work,
                plan.settings,
                switcher=switcher,
                teacher=teacher,
                validation=validation,
                resume=bool(plan.resume),
                report_to=plan.report_to,
                on_step=on_step if first else lambda *_: None,
            )
    finally:
        if first and not any(work.glob("checkpoint-*")) and not (work / "logs").exists():
            unfinished.clear(work)  # it never began: there is nothing to resume
    if not first:
        return
    job.counts = account
    with files.atomic_folder(output) as folder:
        # Copied, not moved: if there is no room for the model, the run still has its logs.
        shutil.copytree(work / "logs", folder / "logs")
        (folder / "README.md").write_text(modelcard.page(output, job.account()), encoding="utf-8")
        save(model, folder, job.account())
    unfinished.clear(work)
    kept = f"; kept step {account['kept_step']}" if validation else ""
    job.say(
        f"{output}: {account['max_steps']} steps on {account['examples']} examples, "
        f"mean loss {account['mean_loss']:.4f}; cut: the passage of "
        f"{account['truncated_passages']} pairs, the query of {account['truncated_queries']}{kept}"
    )


def _teacher(job: Job, path: Path) -> "Teacher":
    return {(hit.qid, hit.pid): hit.score for hit in job.read(path, formats.parse_hit)}


def _validation(job: Job, plan: Plan, teacher: "Teacher | None") -> "Validation | None":
    if plan.validate is None:
        return None
    from cstool.training.validation import Validation

    how = plan.settings
    examples = job.read(plan.validate, formats.parse_example)
    return Validation(examples, how.loss, how.validate_by, how.ddro_beta, teacher)
