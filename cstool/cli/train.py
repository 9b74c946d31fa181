"""`cstool train`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cstool import console, files, formats
from cstool.cli import options, switching
from cstool.cli.job import Job
from cstool.errors import CstoolError
from cstool.settings import DATA, HUB_MODEL, PLAN, Training


class Loss(StrEnum):
    """What is minimised."""

    BINARY = "binary"
    LISTWISE = "listwise"
    RANKNET = "ranknet"
    MARGIN_MSE = "margin-mse"
    KL = "kl"


def _check_work(work: Path, resume: bool | None) -> None:
    """Complain about a folder that is in use, and an unfinished run that is not spoken of."""
    kept = {path.name for path in work.iterdir()} if work.is_dir() else set()
    if kept and kept.isdisjoint((PLAN, DATA)):
        raise CstoolError(f"{work}: is in use, and is no unfinished run that may be replaced")
    if resume is None and any(work.glob("checkpoint-*")):
        raise CstoolError(f"{work} holds an unfinished run: say --resume or --restart")


_TAUGHT = frozenset({Loss.MARGIN_MSE, Loss.KL})


def run(
    job: Job,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="Training examples (JSONL); - is stdin.")
    ] = files.STDIO,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the model goes.")
    ] = Path("model"),
    base: Annotated[
        str, typer.Option(metavar="MODEL", help="Encoder to start from: a folder or a hub name.")
    ] = HUB_MODEL,
    max_steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help=f"Steps of the optimiser. Default: the paper's {Training.max_steps}.",
            show_default=False,
        ),
    ] = None,
    epochs: Annotated[
        float | None,
        typer.Option(min=0, max=1000, help="Times through the examples, instead of steps."),
    ] = None,
    batch_size: options.BatchSize = Training.batch_size,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="At the end of the warm-up; it then falls to 0.")
    ] = Training.learning_rate,
    warmup_steps: Annotated[
        int, typer.Option(min=0, help="Capped to a tenth of the steps.")
    ] = Training.warmup_steps,
    weight_decay: Annotated[
        float, typer.Option(min=0, help="Spares biases and LayerNorm.")
    ] = Training.weight_decay,
    max_length: Annotated[
        int | None,
        typer.Option(
            min=8,
            help="Tokens of a pair. Default: 512, or what the encoder has room for.",
            show_default=False,
        ),
    ] = None,
    loss: Annotated[
        Loss,
        typer.Option(
            help="What to minimise. listwise and ranknet compare the passages of a query; "
            "margin-mse and kl learn from a teacher how they compare. Batches then hold so many "
            "queries."
        ),
    ] = Loss.BINARY,
    teacher_scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Scores of a teacher for all examples (TREC run), as rerank --examples writes "
            "them.",
        ),
    ] = None,
    align_words: Annotated[
        bool,
        typer.Option(
            help="Train the embeddings only to draw each switched word to the one it replaces; "
            "needs --lexicon, or examples of codeswitch --mark."
        ),
    ] = Training.align_words,
    lexicon: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Switch every example anew in every epoch, by this lexicon; with the options "
            "below as codeswitch has them.",
        ),
    ] = None,
    preset: switching.PresetOption = None,
    ratio: switching.Ratio = None,
    query_ratio: switching.QueryRatio = None,
    passage_ratio: switching.PassageRatio = None,
    ratio_of: switching.RatioOfOption = None,
    langs: switching.Langs = None,
    query_lang: switching.QueryLang = None,
    passage_lang: switching.PassageLang = None,
    source_lang: switching.SourceLang = "en",
    per: switching.PerOption = None,
    choice: switching.ChoiceOption = None,
    skip_stopwords: switching.SkipStopwords = None,
    max_phrase: switching.MaxPhrase = None,
    protect: switching.Protect = None,
    keep_english: switching.KeepEnglish = None,
    seed: options.Seed = Training.seed,
    save_steps: Annotated[
        int, typer.Option(min=1, help="Steps between checkpoints.")
    ] = Training.save_steps,
    precision: options.Precision = options.Number.AUTO,
    device: options.Device = "auto",
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--restart",
            help="An unfinished run: go on from its last checkpoint, or throw it away.",
        ),
    ] = None,
) -> None:
    """Train a cross-encoder on examples.

    One output and binary cross-entropy; the paper's settings are the defaults. Until the run ends,
    its checkpoints and TensorBoard logs lie in FOLDER.training; the logs stay with the model.

    \b
    cstool train switched.jsonl -o models/ml-cs/1 --seed 1
    cstool train train.jsonl -o model --base ./encoder --epochs 1 --batch-size 32 --max-length 128
    cstool train train.jsonl -o models/ml-cs/1 --lexicon wiki --ratio 0.5
    """
    if not output.name:
        raise typer.BadParameter(f"{output}: name a folder that can be made")
    files.check_folder(output)
    work = output.parent / f"{output.name}.training"
    files.check_output(work / "data")
    if max_steps is not None and epochs is not None:
        raise typer.BadParameter("--max-steps and --epochs exclude each other")
    _check_work(work, resume)
    given = {
        "ratio": ratio,
        "query_ratio": query_ratio,
        "passage_ratio": passage_ratio,
        "ratio_of": ratio_of and ratio_of.value,
        "per": per and per.value,
        "choice": choice and choice.value,
        "skip_stopwords": skip_stopwords,
        "max_phrase": max_phrase,
        "protect": protect,
        "keep_english": keep_english,
    }
    languages = (langs, query_lang, passage_lang)
    switcher = None
    if lexicon:
        plan = switching.settings(preset, **given, seed=seed)
        switcher = switching.switcher(job, lexicon, plan, source_lang, *languages)
    elif preset or any(value is not None for value in (*given.values(), *languages)):
        raise typer.BadParameter("nothing is switched without --lexicon")
    if (teacher_scores is not None) != (loss in _TAUGHT):
        names = " and ".join(sorted(_TAUGHT))
        raise typer.BadParameter(f"--teacher-scores goes with the losses {names}, and they with it")
    examples = job.read(source, formats.parse_example)
    teacher = None
    if teacher_scores:
        hits = job.read(teacher_scores, formats.parse_hit)
        teacher = {(hit.qid, hit.pid): hit.score for hit in hits}
    from cstool.train import clear, train

    settings = Training(
        max_steps=max_steps or Training.max_steps,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=warmup_steps,
        weight_decay=weight_decay,
        max_length=max_length,
        loss=loss.value,
        align_words=align_words,
        seed=seed,
        save_steps=save_steps,
        precision=precision.value,
        device=device,
    )
    if not resume:
        clear(work)
    try:
        with console.steps("training") as on_step:
            model, account = train(
                examples,
                base,
                work,
                settings,
                switcher=switcher,
                teacher=teacher,
                resume=bool(resume),
                on_step=on_step,
            )
    finally:
        if not any(work.glob("checkpoint-*")) and not (work / "logs").exists():
            clear(work)  # it never began: there is nothing to resume
    job.counts = account
    with files.atomic_folder(output) as folder:
        (work / "logs").rename(folder / "logs")
        model.save(folder, job.account())
    clear(work)
    job.say(
        f"{output}: {account['max_steps']} steps on {account['examples']} examples, "
        f"mean loss {account['mean_loss']:.4f}; "
        f"{account['truncated_passages']} passages and {account['truncated_queries']} queries cut"
    )
