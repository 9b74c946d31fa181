"""What `cstool pretrain` does behind its options: read, train, write."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from cstool import console, files, formats, unfinished
from cstool.cli.job import Job
from cstool.records import Example, Text
from cstool.settings import Pretraining

if TYPE_CHECKING:
    from cstool.codeswitch import Switcher


def run(
    job: Job,
    texts: list[Path],
    output: Path,
    settings: Pretraining,
    switcher: "Callable[[], Switcher | None]",
    resume: bool | None,
) -> None:
    """Pre-train into a folder; of several processes, the first one reads and writes.

    `switcher` loads the lexicon, an input of the job, when all else has been checked.
    """
    if not output.name:
        raise typer.BadParameter(f"{output}: name a folder that can be made")
    from cstool import processes
    from cstool.pretrain import pretrain

    first = processes.rank() == 0
    unfinished.check(output, resume, first=first)
    work = unfinished.folder(output)
    loaded = switcher()
    sources = [job.read(path, _parser(path)) for path in texts] if first else []
    unit = "token" if settings.token_budget else "step"
    if not resume and first:
        unfinished.clear(work)
    with _kept(work, first), console.steps("pre-training", unit) as on_step:
        encoder, account = pretrain(
            sources,
            work,
            settings,
            switcher=loaded,
            resume=bool(resume),
            on_step=on_step if first else _nothing,
        )
    processes.leave()
    if not first:
        return
    job.counts = account
    with files.atomic_folder(output) as folder:
        (work / "logs").rename(folder / "logs")
        encoder.save(
            folder,
            with_head=settings.masks,
            card={"max_length": account["max_length"], **job.account()},
            readme=_readme(account, texts, job.settings["lexicon"]),
        )
    unfinished.clear(work)
    _tell(job, output, account)


def _nothing(done: int, of: int, loss: float, items: int, memory: int) -> None:
    """Say nothing: one process of several speaks."""


def _parser(path: Path) -> Callable[[str], Text | Example]:
    """Give what reads a file: .tsv, .jsonl or what begins with a brace, or else lines of text."""
    name = path.name.removesuffix(".gz")
    if name.endswith((".tsv", ".jsonl")):
        return formats.parse_text if name.endswith(".tsv") else formats.parse_record
    is_json: list[bool] = []

    def parse(line: str) -> Text | Example:
        if not is_json:
            is_json.append(line.startswith("{"))
        return formats.parse_record(line) if is_json[0] else formats.parse_line(line)

    return parse


@contextmanager
def _kept(work: Path, first: bool) -> Iterator[None]:
    """Remove the folder of a run that never came to a checkpoint: there is nothing to resume."""
    try:
        yield
    except BaseException:
        if first and not any(work.glob("checkpoint-*")):
            unfinished.clear(work)
        raise


def _readme(account: dict[str, Any], texts: list[Path], lexicon: str | None) -> str:
    """Write a model card: what the encoder is, and what it was made of."""
    start = account["base"] or f"random weights ({Path(account['init_config']).name})"
    names = ", ".join(path.name for path in texts)
    switched = f", code-switched by the lexicon {Path(lexicon).name}" if lexicon else ""
    return (
        "---\nlibrary_name: transformers\ntags:\n- cstool\n- code-switching\n---\n\n"
        f"# An encoder pre-trained by cstool: objective {account['objective']}\n\n"
        f"- started from: {start}, seed {account['seed']}\n"
        f"- texts: {names}{switched}\n"
        f"- trained on: {account['tokens']} tokens, {account['examples']} examples, "
        f"{account['steps']} steps, {account['seconds']} s\n"
        f"- uniformity of its embeddings {account['after']['uniformity']:.3f}, alignment "
        f"{account['after']['alignment']:.3f} (before: {account['before']['uniformity']:.3f}, "
        f"{account['before']['alignment']:.3f})\n\n"
        "Embeddings are means of the states of all tokens; texts are compared by the cosine. "
        "`cstool.json` has all settings and the digests of the texts; `logs/` is for TensorBoard. "
        "`cstool train --base` makes a reranker of it.\n"
    )


def _tell(job: Job, output: Path, account: dict[str, Any]) -> None:
    if account["short_texts"]:
        console.warn(f"{account['short_texts']} texts shorter than two tokens left out")
    first, last, before, after = (
        account[name] for name in ("first_loss", "last_loss", "before", "after")
    )
    loss = "" if last is None else f", loss {first:.4f} to {last:.4f}"
    job.say(
        f"{output}: {account['tokens']} tokens in {account['steps']} steps on "
        f"{account['examples']} examples{loss}; "
        f"uniformity {before['uniformity']:.2f} to {after['uniformity']:.2f}, "
        f"alignment {before['alignment']:.2f} to {after['alignment']:.2f}"
    )
