"""`cstool train`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import files
from cstool.cli import options, switching, training
from cstool.cli.job import Job
from cstool.settings import HUB_MODEL, Training

if TYPE_CHECKING:
    from cstool.codeswitch import Switcher


class Loss(StrEnum):
    """What is minimised."""

    BINARY = "binary"
    LISTWISE = "listwise"
    RANKNET = "ranknet"
    MARGIN_MSE = "margin-mse"
    KL = "kl"
    DDRO = "ddro"


_TAUGHT = frozenset({Loss.MARGIN_MSE, Loss.KL, Loss.DDRO})


class ValidateBy(StrEnum):
    """What tells which checkpoint is the best."""

    MRR = "mrr@10"
    LOSS = "loss"


class Keep(StrEnum):
    """Whose weights are kept."""

    BEST = "best"
    LAST = "last"


def run(
    job: Job,
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="Training examples (JSONL); - is stdin.")
    ] = files.STDIO,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE=WEIGHT",
            help="Instead of FILE, and once for each of several: examples are drawn from it in "
            "this proportion.",
            callback=training.checked_sources,
        ),
    ] = None,
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
    batch_size: Annotated[
        int, typer.Option(min=1, help="Examples of a step, of all processes together.")
    ] = Training.batch_size,
    token_budget: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Tokens computed at once, padding counted: a batch that has more is cut into "
            "parts, whose gradients add up.  [default: "
            f"{Training.CPU_TOKENS} on the CPU, no limit on CUDA]",
            show_default=False,
        ),
    ] = None,
    checkpointing: Annotated[
        bool,
        typer.Option(
            "--checkpointing", help="Compute activations twice rather than keep them in memory."
        ),
    ] = Training.checkpointing,
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
            "margin-mse and kl learn from a teacher how they compare, ddro to be better than a "
            "reference. Batches then hold so many queries."
        ),
    ] = Loss.BINARY,
    teacher_scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Scores of a teacher, or of the reference of ddro, for all examples (TREC run), "
            "as rerank --examples writes them.",
        ),
    ] = None,
    ddro_beta: Annotated[
        float, typer.Option(min=0, help="Of ddro: how much a margin over the reference counts.")
    ] = Training.ddro_beta,
    align_weight: Annotated[
        float,
        typer.Option(
            min=0,
            help="Weight of a second loss: how far the score of a switched pair is from that of "
            "the pair as it was; needs what --align-words needs.",
        ),
    ] = Training.align_weight,
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
    switched: switching.Options = switching.Options(),
    seed: options.Seed = Training.seed,
    seeds: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Train once for each, as 1,2,3, into FOLDER/SEED; what is there already stays.",
            callback=training.checked_seeds,
        ),
    ] = None,
    validate: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Examples to validate on: their loss, and MRR@10 of the passages of each query.",
        ),
    ] = None,
    validate_steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Steps between validations.  [default: a tenth of the run]",
            show_default=False,
        ),
    ] = None,
    validate_by: Annotated[
        ValidateBy | None, typer.Option(help="What --keep goes by.  [default: mrr@10]")
    ] = None,
    keep: Annotated[
        Keep | None,
        typer.Option(
            help="The weights of the best validation, or of the last step.  [default: best, if "
            "there is one]"
        ),
    ] = None,
    report_to: Annotated[
        str | None,
        typer.Option(
            metavar="LIST",
            help="Where else to report, of what the Trainer knows (wandb, mlflow, ...); "
            "TensorBoard's logs are always written.",
        ),
    ] = None,
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
    cstool train --data en.jsonl=1 --data cs.jsonl=3 -o models/mixed --seeds 1,2,3
    torchrun --nproc-per-node 2 -m cstool train train.jsonl -o model
    """
    if max_steps is not None and epochs is not None:
        raise typer.BadParameter("--max-steps and --epochs exclude each other")
    if validate is None and (validate_steps or validate_by or keep):
        raise typer.BadParameter("nothing is validated without --validate")
    if (teacher_scores is not None) != (loss in _TAUGHT):
        names = " and ".join(", ".join(sorted(_TAUGHT)).rsplit(", ", 1))
        raise typer.BadParameter(f"--teacher-scores goes with the losses {names}, and they with it")
    if switched.are_given() and not lexicon:
        raise typer.BadParameter("nothing is switched without --lexicon")

    def switcher(job: Job, seed: int) -> "Switcher | None":
        if lexicon is None:
            return None
        return switching.switcher(job, lexicon, switched, switched.settings(seed))

    training.run(
        job,
        training.Plan(
            training.sources(source, data),
            base,
            Training(
                max_steps=max_steps or Training.max_steps,
                epochs=epochs,
                batch_size=batch_size,
                learning_rate=learning_rate,
                warmup_steps=warmup_steps,
                weight_decay=weight_decay,
                max_length=max_length,
                loss=loss.value,
                ddro_beta=ddro_beta,
                align_words=align_words,
                align_weight=align_weight,
                seed=seed,
                save_steps=save_steps,
                validate_steps=validate_steps,
                validate_by=(validate_by or ValidateBy.MRR).value,
                keep=(keep or Keep.BEST).value,
                token_budget=token_budget,
                checkpointing=checkpointing,
                precision=precision.value,
                device=device,
            ),
            switcher,
            teacher_scores,
            validate,
            resume,
            report_to.split(",") if report_to else (),
        ),
        output,
        training.parse_seeds(seeds),
    )
