"""Pre-train an encoder: masked language modelling, contrastive learning, both, or neither."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from cstool import processes, unfinished
from cstool.codeswitch import Switcher
from cstool.devices import find_device, keep_memory, peak_memory
from cstool.errors import CstoolError
from cstool.files import atomic, digest
from cstool.loading import load_tokenizer
from cstool.pretraining.corpus import Corpus, Item
from cstool.pretraining.encoder import Encoder, token_types
from cstool.pretraining.run import Run
from cstool.pretraining.views import LEAST, Views, check_switcher, read_by_tokenizer
from cstool.pretraining.vocabulary import train_tokenizer
from cstool.settings import DATA, PLAN, Pretraining

# Tokens or steps, of how many, mean loss, texts or pairs so far, bytes of memory taken at most.
Step = Callable[[int, int, float, int, int], None]
_TOKENIZER = "tokenizer"
_BLOCK = 1000  # items whose tokens are counted at once


def pretrain(
    files: Sequence[Iterable[Item]],
    work: Path,
    settings: Pretraining,
    *,
    switcher: Switcher | None = None,
    resume: bool = False,
    on_step: Step = lambda done, of, loss, items, memory: None,
) -> tuple[Encoder, dict[str, Any]]:
    """Pre-train and give the encoder and an account of it.

    `files` are the texts, or training examples, one iterable for each file (a language each, say:
    a tokenizer that is trained balances them). With a switcher every text is switched anew in every
    epoch. `work` is a folder for the data, the checkpoints and the TensorBoard logs. With `resume`
    the last checkpoint in it is continued, and ends with the weights of an uninterrupted run (same
    machine, device, precision and thread count). Of several processes every one calls this, the
    first alone with the files. CstoolError for settings, texts or a lexicon that nothing can be
    learnt from, for losses that are no numbers, and when all embeddings have become the same.
    """
    _check(settings, switcher)
    device = find_device(settings.device)
    keep_memory(device)
    processes.join(device)
    corpus, plan, checkpoint = processes.first(
        lambda: _gathered(files, work, settings, switcher, processes.count(), resume), device
    )
    tokenizer = load_tokenizer(
        processes.first(lambda: _tokenizer(corpus, work, settings, switcher), device)
    )
    encoder = Encoder.begin(settings, tokenizer)
    length = encoder.fitting(settings.max_length, settings.base or str(settings.init_config))
    settings = replace(settings, max_length=length)
    views = Views(corpus, tokenizer, settings, switcher)
    corpus.rows, counted = processes.first(lambda: _usable(corpus, views), device)
    _check_corpus(corpus, settings, views)
    if switcher and settings.objective != "none":
        check_switcher(corpus, switcher)
    measuring = Views(corpus, tokenizer, _compared(settings, switcher), switcher)
    run = Run(encoder, corpus, views, settings, measuring, device, work)
    if checkpoint:
        run.load(checkpoint)
    else:
        run.progress.before = run.measured()
    while batch := run.next():
        run.step(batch)
        run.report()
        on_step(*run.told(), run.progress.items, peak_memory(device))
        if run.progress.steps % settings.save_steps == 0:
            run.save()
    if run.logs:
        run.logs.close()
    account = {
        **plan,
        **counted,
        "max_length": length,
        "precision": run.precision,
        "device": device,
        **run.progress.account(),
        "before": run.progress.before,
        "after": run.measured(),
    }
    return encoder, account


def _check(settings: Pretraining, switcher: Switcher | None) -> None:
    """Refuse settings that contradict each other."""
    if (settings.base is None) == (settings.init_config is None):
        raise CstoolError("an encoder starts from a base or from a configuration: give one of them")
    given = (settings.tokenizer is not None) + (settings.train_tokenizer is not None)
    if given != (settings.init_config is not None):
        raise CstoolError(
            "a configuration needs a tokenizer, one that there is or one to be trained, and a base "
            "has its own"
        )
    if settings.objective != "none" and (settings.token_budget is None) == (
        settings.max_steps is None
    ):
        raise CstoolError("a run ends with its budget of tokens or of steps: give one of them")
    if switcher is None:
        if settings.contrasts and settings.views == "switched":
            raise CstoolError("the views are a text and its code-switched version: give --lexicon")
        if settings.masks and settings.mask_switched:
            raise CstoolError("masks at switch points need to know these: give --lexicon")


def _compared(settings: Pretraining, switcher: Switcher | None) -> Pretraining:
    """Give the views whose embeddings are measured: those that are compared, or could be."""
    ways = settings.views if settings.contrasts else "switched" if switcher else "crops"
    return replace(settings, objective="contrastive", views=ways, mask_switched=False)


def _gathered(
    files: Sequence[Iterable[Item]],
    work: Path,
    settings: Pretraining,
    switcher: Switcher | None,
    processes: int,
    resume: bool,
) -> tuple[Corpus, dict[str, Any], Path | None]:
    """Write down the texts and the plan, and find the checkpoint to go on from."""
    work.mkdir(parents=True, exist_ok=True)
    if not resume:
        for old in (work / _TOKENIZER, *work.glob("checkpoint-*")):
            unfinished.clear(old)
    pairs = settings.contrasts and settings.views == "pairs"
    corpus = Corpus.gather(files, work / DATA, pairs=pairs)
    plan = {**asdict(settings), "processes": processes, **corpus.account}
    if settings.init_config:
        plan["init_config_sha256"] = digest(Path(settings.init_config))
    if switcher:
        plan["switching_sha256"] = switcher.digest()
    checkpoint = _checkpoint(work, plan) if resume else None
    with atomic(work / PLAN) as out:
        out.write(orjson.dumps(plan))
    return corpus, plan, checkpoint


def _checkpoint(work: Path, plan: dict[str, Any]) -> Path | None:
    begun = work / PLAN
    if not begun.is_file():
        if any(work.glob("checkpoint-*")):
            raise CstoolError(f"{work} cannot be resumed: its {PLAN} is gone")
        return None
    old = orjson.loads(begun.read_bytes())
    if changed := sorted(key for key in plan.keys() | old.keys() if plan.get(key) != old.get(key)):
        told = ", ".join(f"{key} was {old.get(key)}, is {plan.get(key)}" for key in changed)
        raise CstoolError(f"{work} cannot be resumed: {told}")
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    return found[-1] if found else None


def _tokenizer(corpus: Corpus, work: Path, settings: Pretraining, switcher: Switcher | None) -> str:
    """Train a tokenizer if one is wanted, and say where the tokenizer is found."""
    if settings.train_tokenizer is None:
        return str(settings.tokenizer or settings.base)
    place = work / _TOKENIZER
    if not (place / "tokenizer.json").is_file():  # of a run that is resumed: the texts are the same
        made = train_tokenizer(
            read_by_tokenizer(corpus, switcher),
            settings.train_tokenizer,
            alpha=settings.tokenizer_alpha,
            types=token_types(settings),
        )
        part = work / ".tokenizer"
        made.save_pretrained(part)
        part.rename(place)
    return str(place)


def _usable(corpus: Corpus, views: Views) -> tuple[Any, dict[str, int]]:
    """Find the rows of which no text is too short, and count."""
    kept, tokens, number = [], 0, 0
    several = corpus.texts()
    while block := list(islice(several, _BLOCK)):
        lengths = iter(views.lengths([text for texts in block for text in texts]))
        for texts in block:
            found = list(islice(lengths, len(texts)))
            if min(found) >= LEAST:
                kept.append(number)
                tokens += sum(found)
            number += 1
    if not kept:
        raise CstoolError("every text is shorter than two tokens: there is nothing to learn")
    counts = {"texts": len(kept), "short_texts": number - len(kept), "text_tokens": tokens}
    return np.array(kept, dtype=np.int64), counts


def _check_corpus(corpus: Corpus, settings: Pretraining, views: Views) -> None:
    """Refuse texts that nothing can be learnt from, before any step is taken."""
    kind = "example" if corpus.is_pairs else "text"
    if settings.contrasts:
        if len(corpus) == 1:
            raise CstoolError(
                f"there is one {kind} only: --objective {settings.objective} compares several"
            )
        if not corpus.differs():
            raise CstoolError(
                f"all {kind}s are the same, or have the same id: --objective {settings.objective} "
                "has nothing to tell apart"
            )
    if settings.token_budget is not None and settings.token_budget < views.least:
        raise CstoolError(
            f"a budget of {settings.token_budget} tokens has no room for a batch, which has "
            f"{views.least} at least"
        )
