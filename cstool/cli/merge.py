"""`cstool merge`."""

import math
from pathlib import Path
from typing import Annotated

import typer

from cstool import files
from cstool.cli.job import Job
from cstool.errors import CstoolError


def parse_weights(value: str | None) -> list[float]:
    """Read 1,1,2."""
    try:
        weights = [float(weight) for weight in value.split(",")] if value else []
    except ValueError:
        weights = [math.nan]
    if not all(0 < weight < math.inf for weight in weights):
        raise typer.BadParameter(f"{value!r}: expected weights above 0 such as 1,1,2")
    return weights


def _checked(value: str | None) -> str | None:
    parse_weights(value)
    return value


def run(
    job: Job,
    models: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Folders of cross-encoders.")
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where the model goes.")
    ] = Path("model"),
    weights: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="What each counts, as 1,1,2. Default: the same.", callback=_checked
        ),
    ] = None,
) -> None:
    """Average the weights of cross-encoders (a model soup).

    Models that were fine-tuned from one encoder, with several seeds or on several data, often do
    better together than each alone, and cost what one costs. They have to have one architecture,
    one tokenizer and one length.

    \b
    cstool merge models/ml-cs/1 models/ml-cs/2 models/ml-cs/3 -o models/ml-cs-soup/1
    cstool merge english ml-cs --weights 1,3 -o soup
    """
    if len(models) < 2:
        raise typer.BadParameter("expected two models at least")
    shares = parse_weights(weights) or [1.0] * len(models)
    if len(shares) != len(models):
        raise typer.BadParameter(f"{len(shares)} weights for {len(models)} models")
    files.check_folder(output)
    for model in models:
        if not Path(model).is_dir():
            raise CstoolError(f"{model}: no such folder")
    from cstool.merge import merge
    from cstool.train import save
    from cstool.training import modelcard

    merged = merge(models, shares)
    job.counts["models"] = [
        {"path": model, "weight": share, "sha256": _digest(Path(model))}
        for model, share in zip(models, shares, strict=True)
    ]
    with files.atomic_folder(output) as folder:
        (folder / "README.md").write_text(modelcard.page(output, job.account()), encoding="utf-8")
        save(merged, folder, job.account())
    job.say(f"{output}: the mean of {len(models)} models")


def _digest(folder: Path) -> str:
    """Give the SHA-256 of the weights, or of the list of their parts if there are several."""
    for name in ("model.safetensors", "model.safetensors.index.json", "pytorch_model.bin"):
        if (folder / name).is_file():
            return files.digest(folder / name)
    raise CstoolError(f"{folder}: has no weights")
