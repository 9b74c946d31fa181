"""`cstool pretrain`."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cstool import files
from cstool.cli import options, pretraining, switching
from cstool.cli.job import Job
from cstool.settings import Pretraining

if TYPE_CHECKING:
    from cstool.codeswitch import Switcher


class Objective(StrEnum):
    """What is minimised."""

    MLM = "mlm"
    CONTRASTIVE = "contrastive"
    BOTH = "both"
    NONE = "none"


class Ways(StrEnum):
    """Which two texts belong together."""

    SWITCHED = "switched"
    PAIRS = "pairs"
    CROPS = "crops"


class Number(StrEnum):
    """How numbers are held while the model computes."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


def run(
    job: Job,
    texts: Annotated[
        list[Path],
        typer.Argument(
            metavar="TEXT...",
            help="Lines of text, queries or passages (.tsv, JSONL), or training examples (JSONL); "
            "a file for each language balances a tokenizer; - is stdin.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the encoder goes.")
    ] = Path("encoder"),
    base: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="Encoder to start from: a folder or a hub name."),
    ] = None,
    init_config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Or start from scratch, with the config.json of a model of BERT's or XLM-R's "
            "build; the size of the vocabulary is the tokenizer's.",
        ),
    ] = None,
    tokenizer: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="From scratch: take the tokenizer of this model."),
    ] = None,
    train_tokenizer: Annotated[
        int | None,
        typer.Option(
            metavar="SIZE",
            min=16,
            help="From scratch: train a unigram tokenizer of so many tokens on the texts.",
        ),
    ] = None,
    tokenizer_alpha: Annotated[
        float,
        typer.Option(
            min=0,
            max=1,
            help="A file weighs as its size to this power for the tokenizer: 0 all alike, 1 as "
            "they are.",
        ),
    ] = Pretraining.tokenizer_alpha,
    objective: Annotated[
        Objective,
        typer.Option(
            help="mlm: guess masked tokens. contrastive: find the other view of a text among those "
            "of the batch. none: a control, nothing is learnt."
        ),
    ] = Objective.MLM,
    mlm_probability: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Share of the tokens to mask.")
    ] = Pretraining.mlm_probability,
    whole_words: Annotated[
        bool, typer.Option(help="Mask words, not single tokens of them.")
    ] = Pretraining.whole_words,
    mask_switched: Annotated[
        bool,
        typer.Option(help="Mask only words beside a switch from one language to another."),
    ] = Pretraining.mask_switched,
    contrastive_weight: Annotated[
        float, typer.Option(min=0, help="With both: of the contrastive loss; the other has 1.")
    ] = Pretraining.contrastive_weight,
    temperature: Annotated[
        float, typer.Option(min=0.001, help="The contrastive loss divides cosines by it.")
    ] = Pretraining.temperature,
    views: Annotated[
        Ways | None,
        typer.Option(
            help="switched: a text and its code-switched version. pairs: a query and a passage "
            "that answers it, of training examples. crops: two pieces of a text.  "
            "[default: switched]"
        ),
    ] = None,
    crop_min: Annotated[
        float, typer.Option(min=0.01, max=1, help="Share of a text that a crop has at least.")
    ] = Pretraining.crop_min,
    crop_max: Annotated[
        float, typer.Option(min=0.01, max=1, help="And at most.")
    ] = Pretraining.crop_max,
    token_budget: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Stop when exactly so many tokens have been forwarded: all but padding, both "
            "views counted.",
        ),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(min=1, help="Or stop after so many steps of the optimiser.")
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option(min=2, help="Texts, or pairs of views, in a step, on all devices together."),
    ] = Pretraining.batch_size,
    learning_rate: Annotated[
        float, typer.Option(min=0, help="At the end of the warm-up; it later falls to 0.")
    ] = Pretraining.learning_rate,
    warmup_steps: Annotated[
        int, typer.Option(min=0, help="Capped to a tenth of the run.")
    ] = Pretraining.warmup_steps,
    weight_decay: Annotated[
        float, typer.Option(min=0, help="Spares biases and LayerNorm.")
    ] = Pretraining.weight_decay,
    max_length: Annotated[
        int, typer.Option(min=8, help="Tokens of a text; the rest is cut off.")
    ] = 128,
    lexicon: Annotated[
        str | None,
        typer.Option(
            metavar="NAME|PATH",
            help="Switch every text anew in every epoch, by this lexicon; with the options below "
            "as codeswitch has them.",
        ),
    ] = None,
    switched: switching.Options = switching.Options(),
    seed: options.Seed = Pretraining.seed,
    save_steps: Annotated[
        int, typer.Option(min=1, help="Steps between checkpoints.")
    ] = Pretraining.save_steps,
    precision: Annotated[
        Number, typer.Option(help="auto: bf16 where CUDA has it, else fp32.")
    ] = Number.AUTO,
    device: options.Device = "auto",
    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--restart",
            help="An unfinished run: go on from its last checkpoint, or throw it away.",
        ),
    ] = None,
) -> None:
    """Pre-train an encoder on text, which train starts from.

    Runs with the same --token-budget are equally long, whatever their objective. Until a run ends,
    its checkpoints and TensorBoard logs lie in FOLDER.training; the logs stay with the encoder.
    Several devices: torchrun --nproc-per-node 4 --no-python cstool pretrain ...

    \b
    cstool pretrain en.txt de.txt -o enc --init-config small.json --train-tokenizer 8000 \\
      --token-budget 1000000
    cstool pretrain passages.jsonl -o enc --base ./encoder --objective contrastive \\
      --lexicon wiki --token-budget 1000000
    cstool pretrain train.jsonl -o enc --base ./encoder --objective both --views pairs \\
      --max-steps 1000
    """
    _check_start(base, init_config, tokenizer, train_tokenizer)
    if objective != Objective.NONE and (token_budget is None) == (max_steps is None):
        raise typer.BadParameter("give --token-budget or --max-steps, one of them")
    _check_objective(objective, views, lexicon, mask_switched)
    if crop_min > crop_max:
        raise typer.BadParameter("--crop-min is above --crop-max")
    if init_config:
        files.check_input(init_config)
    if not lexicon and switched.are_given():
        raise typer.BadParameter("nothing is switched without --lexicon")

    def switcher() -> "Switcher | None":
        if not lexicon:
            return None
        return switching.switcher(job, lexicon, switched, switched.settings(seed))

    settings = Pretraining(
        base=base,
        init_config=str(init_config) if init_config else None,
        tokenizer=tokenizer,
        train_tokenizer=train_tokenizer,
        tokenizer_alpha=tokenizer_alpha,
        objective=objective.value,
        mlm_probability=mlm_probability,
        whole_words=whole_words,
        mask_switched=mask_switched,
        contrastive_weight=contrastive_weight,
        temperature=temperature,
        views=(views or Ways.SWITCHED).value,
        crop_min=crop_min,
        crop_max=crop_max,
        token_budget=token_budget,
        max_steps=max_steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        warmup_steps=warmup_steps,
        weight_decay=weight_decay,
        max_length=max_length,
        seed=seed,
        save_steps=save_steps,
        precision=precision.value,
        device=device,
    )
    pretraining.run(job, texts, output, settings, switcher, resume)


def _check_start(
    base: str | None, init_config: Path | None, tokenizer: str | None, size: int | None
) -> None:
    if (base is None) == (init_config is None):
        raise typer.BadParameter("give --base or --init-config, one of them")
    if (tokenizer is not None) + (size is not None) != (init_config is not None):
        raise typer.BadParameter(
            "--init-config needs --tokenizer or --train-tokenizer, and --base has its own tokenizer"
        )


def _check_objective(
    objective: Objective, views: Ways | None, lexicon: str | None, mask_switched: bool
) -> None:
    """Complain about options that have no effect, or lack what they need."""
    if objective not in (Objective.CONTRASTIVE, Objective.BOTH):
        if views is not None:
            raise typer.BadParameter("--views has no effect without a contrastive objective")
    elif (views or Ways.SWITCHED) == Ways.SWITCHED and lexicon is None:
        raise typer.BadParameter("--views switched needs --lexicon; or take --views pairs or crops")
    if mask_switched and (lexicon is None or objective not in (Objective.MLM, Objective.BOTH)):
        raise typer.BadParameter("--mask-switched needs --lexicon and an objective that masks")
