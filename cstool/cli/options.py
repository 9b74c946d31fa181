"""Options and arguments that several commands share, each defined once."""

import math
import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

_LANGUAGE = re.compile(r"[a-z]{2,3}(_[a-z]+)?")


def languages(value: str | None) -> tuple[str, ...]:
    """Split `de,ru` into codes; a code that is none is a wrong option."""
    codes = () if value is None else tuple(value.split(","))
    for code in codes:
        if not _LANGUAGE.fullmatch(code):
            raise typer.BadParameter(f"{code!r} is no language code such as de, fil or pt_br")
    if len(set(codes)) < len(codes):
        raise typer.BadParameter(f"{value}: a language is named twice")
    return codes


def checked_languages(value: str | None) -> str | None:
    """Check a list of languages while options are parsed."""
    languages(value)
    return value


def weights(value: str | None) -> dict[str, float]:
    """Read `de,ru` or `de=2,ru=1` as languages and their weights, 1 where none is given."""
    parts = [] if value is None else [part.partition("=") for part in value.split(",")]
    codes = languages(",".join(code for code, _, _ in parts)) if parts else ()
    found = {}
    for code, (_, given, weight) in zip(codes, parts, strict=True):
        try:
            found[code] = float(weight) if given else 1.0
        except ValueError:
            found[code] = 0.0
        if not 0 < found[code] < math.inf:
            raise typer.BadParameter(f"{code}={weight}: expected a weight above 0")
    return found


def checked_weights(value: str | None) -> str | None:
    """Check a list of languages with weights while options are parsed."""
    weights(value)
    return value


def checked_language(value: str | None) -> str | None:
    """Check a single language while options are parsed."""
    if len(languages(value)) > 1:
        raise typer.BadParameter(f"{value}: expected one language")
    return value


def shard(value: str | None) -> tuple[int, int]:
    """Read `1/3` as shard 1 of the three 0, 1 and 2; without a value, all is one shard."""
    match = re.fullmatch(r"(\d+)/(\d+)", value or "0/1")
    if not match or not int(match[1]) < int(match[2]):
        raise typer.BadParameter(f"{value!r}: expected I/N, as 0/3, 1/3 and 2/3 of three shards")
    return int(match[1]), int(match[2])


def checked_shard(value: str | None) -> str | None:
    """Check a shard while options are parsed."""
    shard(value)
    return value


def checked_tag(value: str) -> str:
    """Check the name of a run: the lines of a TREC file are split at spaces."""
    if value.split() != [value]:
        raise typer.BadParameter(f"{value!r}: expected one word")
    return value


Output = Annotated[
    Path,
    typer.Option("--output", "-o", metavar="FILE", help="Where to write; - is stdout, .gz packs."),
]
Model = Annotated[
    str, typer.Argument(metavar="MODEL", help="Folder of a model, or its name on the hub.")
]
Queries = Annotated[
    Path, typer.Option(metavar="FILE", help="Queries: TSV (id, text) or JSONL.", show_default=False)
]
Passages = Annotated[
    Path,
    typer.Option(metavar="FILE", help="Passages: TSV (id, text) or JSONL.", show_default=False),
]
Lexicon = Annotated[
    str, typer.Option(metavar="NAME|PATH", help="A lexicon by name, its folder, or one file.")
]
LARGEST_SEED = (1 << 32) - 1  # that numpy takes
Seed = Annotated[
    int, typer.Option(min=0, max=LARGEST_SEED, help="Another seed gives another draw.")
]
Workers = Annotated[int, typer.Option(metavar="N", min=1, help="Processes that share the work.")]
Shard = Annotated[
    str | None,
    typer.Option(
        metavar="I/N",
        help="Take every N-th line alone, from line I on (from 0): one job of N does this.",
        callback=checked_shard,
    ),
]
Tag = Annotated[str, typer.Option(help="Name in the last column of the run.", callback=checked_tag)]


class Engine(StrEnum):
    """What runs the workers."""

    LOCAL = "local"
    RAY = "ray"


class Number(StrEnum):
    """How numbers are held while a model computes."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


Precision = Annotated[
    Number, typer.Option(help="Of the encoder. auto: 16 bits on CUDA, fp32 on the CPU.")
]
Device = Annotated[str, typer.Option(metavar="NAME", help="auto, cpu, cuda or cuda:1.")]
BatchSize = Annotated[int, typer.Option(min=1, help="Pairs computed at once.")]


class Format(StrEnum):
    """How tables are written."""

    TABLE = "table"
    TSV = "tsv"
    MARKDOWN = "markdown"
    JSON = "json"
    LATEX = "latex"


TableFormat = Annotated[
    Format | None,
    typer.Option(
        "--format",
        help="Default: by the suffix of the output (.tsv, .md, .json, .tex), else table.",
    ),
]
