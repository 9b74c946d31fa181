"""`cstool induce-lexicon embeddings`."""

import math
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cstool import console, files, formats
from cstool.cli import options
from cstool.cli.induce_lexicon import folder, seeds
from cstool.cli.job import Job
from cstool.settings import INDUCTIONS, MAX_VECTORS, Computing, Induction

if TYPE_CHECKING:
    from cstool.lexicons.embeddings import Cache, Vectors

_ALIKE = 0.9  # of the words of one side on the other: languages that share a script share a third


class Preset(StrEnum):
    """Whose choices hold where no option is given."""

    CSTOOL = "cstool"
    PAPER = "paper"


class Align(StrEnum):
    """How the source is brought into the space of the target."""

    NONE = "none"
    PROCRUSTES = "procrustes"
    RCSLS = "rcsls"


class Measure(StrEnum):
    """What makes a neighbour the nearest."""

    NN = "nn"
    CSLS = "csls"


class Number(StrEnum):
    """How numbers are held while products are computed."""

    FP32 = "fp32"
    BF16 = "bf16"


def _finite(value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value}, expected a finite number")
    return value


def _checked_steps(value: str | None) -> str | None:
    if value is not None and (unknown := set(_steps(value)) - {"unit", "center"}):
        raise typer.BadParameter(f"{min(unknown)!r} is no step; there are unit and center")
    return value


def _steps(value: str) -> tuple[str, ...]:
    return tuple(value.split(",")) if value else ()


def run(
    job: Job,
    source: Annotated[
        Path,
        typer.Option(metavar="FILE", help="Source vectors: .vec, .vec.gz or a fastText .bin."),
    ],
    target: Annotated[Path, typer.Option(metavar="FILE", help="Target vectors.")],
    target_lang: folder.TargetLang,
    source_lang: folder.SourceLang = "en",
    output: folder.Output = files.STDIO,
    preset: Annotated[
        Preset,
        typer.Option(
            help="Choices for the options below. paper: the nearest neighbour by cosine of vectors "
            "that are aligned already, nothing left out. Options given win."
        ),
    ] = Preset.CSTOOL,
    max_words: Annotated[
        int, typer.Option(min=1, help="Read the first N words of each file.")
    ] = MAX_VECTORS,
    normalize: Annotated[
        str | None,
        typer.Option(
            metavar="STEPS",
            help="Before the alignment: unit (length one) and center (less the mean), in order.",
            callback=_checked_steps,
        ),
    ] = None,
    align: Annotated[
        Align | None, typer.Option(help="How to map the source into the target's space.")
    ] = None,
    seed_pairs: Annotated[
        str | None,
        typer.Option(
            metavar=seeds.METAVAR,
            help=seeds.HELP,
        ),
    ] = None,
    refine: Annotated[
        int | None, typer.Option(min=0, help="Align N times more, by mutual neighbours as well.")
    ] = None,
    neighbours: Annotated[
        Measure | None, typer.Option(help="The nearest by cosine, or by CSLS.")
    ] = None,
    max_translations: Annotated[
        int | None, typer.Option(min=1, help="Take the best N for each source.")
    ] = None,
    mutual: Annotated[
        bool | None,
        typer.Option(help="Keep only pairs of which each is the nearest of the other."),
    ] = None,
    min_score: Annotated[
        float | None,
        typer.Option(help="Leave out pairs with a lower cosine or CSLS.", callback=_finite),
    ] = None,
    min_margin: Annotated[
        float | None,
        typer.Option(
            help="Leave out sources whose best is not so much better than the next.",
            callback=_finite,
        ),
    ] = None,
    max_rank_ratio: Annotated[
        float | None,
        typer.Option(
            min=1, help="Leave out pairs if one word's rank + 100 is R times the other's."
        ),
    ] = None,
    keep_identical: Annotated[
        bool | None,
        typer.Option(
            "--keep-identical/--drop-identical",
            help="Words whose translation differs in nothing but case.",
        ),
    ] = None,
    vocabulary: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Translate only words that occur in this: training examples, queries, passages, "
            "text, or a word to a line. Can be given several times.",
        ),
    ] = None,
    device: options.Device = Computing.device,
    precision: Annotated[
        Number, typer.Option(help="Of the products. bf16 is faster where it is in hardware.")
    ] = Number.FP32,
    chunk_bytes: Annotated[
        int, typer.Option(min=1, help="Hold products of about this size at a time.")
    ] = Computing.chunk_bytes,
    cache: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Keep what was read here. Default: cstool/vectors in $XDG_CACHE_HOME or ~/.cache.",
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Keep nothing, and look at nothing kept.")
    ] = False,
) -> None:
    """Make a lexicon from word vectors of two languages.

    Vectors of languages that were trained apart are aligned by seed pairs first; vectors that are
    aligned already, such as MUSE's, take --align none. The translations of a word are the nearest
    target words. Lines that cannot be used are left out and counted.

    \b
    cstool induce-lexicon embeddings --source wiki.en.vec --target wiki.de.vec --target-lang de \\
        --seed-pairs en-de.txt -o lexicons/clwe
    cstool induce-lexicon embeddings --source wiki.multi.en.vec --target wiki.multi.de.vec \\
        --target-lang de --preset paper -o lexicons/paper
    """
    given: dict[str, Any] = {
        "normalize": None if normalize is None else _steps(normalize),
        "align": align and align.value,
        "refine": refine,
        "neighbours": neighbours and neighbours.value,
        "max_translations": max_translations,
        "mutual": mutual,
        "min_score": min_score,
        "min_margin": min_margin,
        "max_rank_ratio": max_rank_ratio,
        "keep_identical": keep_identical,
    }
    settings = replace(
        INDUCTIONS[preset], **{name: value for name, value in given.items() if value is not None}
    )
    _check(settings, seed_pairs, refine, cache, no_cache)
    path = folder.pair_file(output, source_lang, target_lang)
    seed_file = seeds.file(seed_pairs)
    for file in (source, target, *([seed_file] if seed_file else []), *(vocabulary or [])):
        files.check_input(file)
    from cstool.devices import find_device
    from cstool.lexicons import embeddings
    from cstool.lexicons.alignment import align as aligned
    from cstool.lexicons.alignment import identical_pairs
    from cstool.lexicons.dictionaries import Account
    from cstool.lexicons.neighbours import induce

    computing = Computing(find_device(device), precision, chunk_bytes)
    job.settings = {**job.settings, **asdict(settings)}
    occurring = None if vocabulary is None else _occurring(job, vocabulary)
    pairs = list(job.read(seed_file, formats.parse_word_pair)) if seed_file else None
    kept = None if no_cache else embeddings.Cache(cache or _cache_folder(), console.warn)
    read: dict[str, Any] = {}
    x, y = (_read(job, file, max_words, kept, read) for file in (source, target))
    common = identical_pairs(x, y)
    if len(common) >= _ALIKE * min(len(x.words), len(y.words)):
        console.warn(f"{len(common)} words are in both files: is it one language twice?")
    learnt = common if pairs is None else seeds.find(pairs, x, y)
    if settings.align != "none":
        seeds.check(learnt, pairs, x, y)
        told = f"{len(learnt)} words" if pairs is None else f"{len(learnt)} of {len(pairs)} pairs"
        job.say(f"aligning by {told} that both sides have")
    with console.progress("aligning", None):
        x, y = aligned(x, y, learnt, settings, computing=computing)
    left_out = Counter[str]()
    with console.progress("looking for neighbours", 1) as bar:
        entries = induce(
            x,
            y,
            settings,
            left_out,
            occurring=occurring,
            computing=computing,
            on_rows=lambda done, of: bar.update(done / of),
        )
    folder.write(job, path, entries, Account.of(entries, left_out))
    job.counts |= {"vectors": read, "seed_pairs": len(learnt) if settings.align != "none" else 0}


def _check(
    settings: Induction,
    seed_pairs: str | None,
    refine: int | None,
    cache: Path | None,
    no_cache: bool,
) -> None:
    """Complain about options that cannot go together."""
    if settings.align == "none" and (seed_pairs or refine):
        option = "--seed-pairs" if seed_pairs else "--refine"
        raise typer.BadParameter(f"{option} goes with --align procrustes or rcsls")
    if settings.align != "none" and not seed_pairs:
        raise typer.BadParameter(
            f"--align {settings.align} needs --seed-pairs FILE or identical; vectors that are "
            "aligned already take --align none"
        )
    if cache and no_cache:
        raise typer.BadParameter("--cache and --no-cache: expected one of them")


def _occurring(job: Job, paths: Sequence[Path]) -> frozenset[str]:
    from cstool.lexicons import vocabulary

    return vocabulary.keys(texts for path in paths for texts in job.read(path, vocabulary.Parser()))


def _read(
    job: Job, path: Path, max_words: int, cache: "Cache | None", counts: dict[str, Any]
) -> "Vectors":
    from cstool.lexicons import embeddings

    size = path.stat().st_size if path.is_file() else None
    with console.progress(f"reading {path}", size) as bar:
        vectors, skipped, reading = embeddings.read(
            path, max_words=max_words, cache=cache, on_bytes=bar.update
        )
    job.inputs.append(reading)
    words, dimension = vectors.matrix.shape
    job.say(f"{path}: {words} words of {dimension} numbers; left out: {skipped}")
    counts[str(path)] = {"words": words, "dimension": dimension, "left_out": skipped.counts}
    return vectors


def _cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "cstool" / "vectors"
