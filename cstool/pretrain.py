"""Pre-train an encoder: masked language modelling, contrastive learning, both, or neither.

A loop of our own and not transformers' Trainer: what ends a run is a number of tokens, which is
known for each batch only when it has been made. Whatever is drawn depends on the seed and on how
far the run is, so that what is to be kept for going on is the weights and a few numbers.
"""

import math
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any, cast

import numpy as np
import orjson
import torch
from torch.utils.tensorboard import SummaryWriter

from cstool import draws
from cstool.codeswitch import Switcher
from cstool.corpus import Corpus, Item, Stream
from cstool.devices import half_precision
from cstool.encoder import Encoder, load_tokenizer, token_types
from cstool.errors import CstoolError
from cstool.files import digest
from cstool.masking import IGNORED
from cstool.objectives import alignment, info_nce, masked_lm, pooled, uniformity
from cstool.settings import DATA, PLAN, Pretraining
from cstool.team import Team
from cstool.views import LEAST, Batch, Views, check_switcher
from cstool.vocabulary import train_tokenizer

Step = Callable[[int, int, float], None]  # tokens or steps, of how many, mean loss
_STATE = "state.pt"
_LOSSES = ("mlm", "contrastive", "loss")
_REPORTS = 100  # of the losses, per run
_MEASURES = 10  # of the embeddings
_MEASURED, _FORWARDED = 128, 32  # items whose embeddings are measured, and at a time
_LONGEST_GRADIENT = 1.0  # as transformers' Trainer clips
_COLLAPSED = -1e-3  # a uniformity above it: a mean cosine above 0.9997
_BLOCK = 1000  # items whose tokens are counted at once


@dataclass
class Progress:
    """How far a run is: all that has to be kept beside the weights."""

    steps: int = 0
    items: int = 0
    tokens: int = 0
    masked: int = 0
    without_negatives: int = 0
    unswitched: int = 0
    seconds: float = 0.0
    reported: int = 0
    first_loss: float | None = None  # means over the steps of the first and the last report
    last_loss: float = math.nan
    summed: int = 0  # steps since the last report, and the sums of their losses
    mlm: float = 0.0
    contrastive: float = 0.0
    loss: float = 0.0

    def add(self, batch: Batch, losses: Sequence[float]) -> None:
        """Count a batch, and its losses: masked, contrastive, and what was minimised."""
        self.items += batch.items
        self.tokens += batch.tokens
        self.masked += batch.masked
        self.without_negatives += batch.alone
        self.unswitched += batch.unswitched
        self.summed += 1
        self.mlm, self.contrastive, self.loss = (
            total + one
            for total, one in zip((self.mlm, self.contrastive, self.loss), losses, strict=True)
        )

    def means(self) -> dict[str, float]:
        """Give the means of the losses since the last report, and begin anew."""
        found = {name: getattr(self, name) / self.summed for name in _LOSSES}
        self.last_loss = found["loss"]
        self.first_loss = self.last_loss if self.first_loss is None else self.first_loss
        self.summed, self.mlm, self.contrastive, self.loss = 0, 0.0, 0.0, 0.0
        return found

    def account(self) -> dict[str, Any]:
        """Tell what was done."""
        names = ("steps", "tokens", "masked", "without_negatives", "unswitched")
        return {
            "examples": self.items,
            **{name: getattr(self, name) for name in names},
            "seconds": round(self.seconds, 2),
            "first_loss": self.first_loss,
            "last_loss": None if math.isnan(self.last_loss) else self.last_loss,
        }


def pretrain(
    files: Sequence[Iterable[Item]],
    work: Path,
    settings: Pretraining,
    *,
    switcher: Switcher | None = None,
    team: Team | None = None,
    resume: bool = False,
    on_step: Step = lambda done, of, loss: None,
) -> tuple[Encoder, dict[str, Any]]:
    """Pre-train and give the encoder and an account of it.

    `files` are the texts, or training examples, one iterable for each file (a language each, say:
    a tokenizer that is trained balances them). With a switcher every text is switched anew in every
    epoch. `work` is a folder for the data, the checkpoints and the TensorBoard logs. With `resume`
    the last checkpoint in it is continued, and ends with the weights of an uninterrupted run (same
    machine, device, precision and thread count). In a team every process calls this, the first one
    alone with the files. CstoolError for settings, texts or a lexicon that nothing can be learnt
    from, for losses that are no numbers, and when all embeddings have become the same.
    """
    _check(settings, switcher)
    team = team or Team.join(settings.device)
    corpus, plan, checkpoint = team.first(
        lambda: _gathered(files, work, settings, switcher, team.size, resume)
    )
    tokenizer = load_tokenizer(team.first(lambda: _tokenizer(corpus, work, settings)))
    encoder = Encoder.begin(settings, tokenizer)
    length = encoder.fitting(settings.max_length, settings.base or str(settings.init_config))
    settings = replace(settings, max_length=length)
    views = Views(corpus, tokenizer, settings, switcher)
    corpus.rows, counted = team.first(lambda: _usable(corpus, views))
    _check_corpus(corpus, settings, views)
    if switcher and settings.objective != "none":
        check_switcher(corpus, switcher)
    measuring = Views(corpus, tokenizer, _compared(settings, switcher), switcher)
    run = _Run(encoder, corpus, views, settings, measuring, team, work)
    if checkpoint:
        run.load(checkpoint)
    before = run.measured()
    while batch := run.next():
        run.step(batch)
        run.report()
        on_step(*run.told())
        if run.progress.steps % settings.save_steps == 0:
            run.save()
    if run.logs:
        run.logs.close()
    account = {
        **plan,
        **counted,
        "max_length": length,
        "precision": run.precision,
        "device": team.device,
        **run.progress.account(),
        "before": before,
        "after": run.measured(),
    }
    return encoder, account


class _Run:
    """What a step needs and changes."""

    def __init__(
        self,
        encoder: Encoder,
        corpus: Corpus,
        views: Views,
        settings: Pretraining,
        measuring: Views,
        team: Team,
        work: Path,
    ) -> None:
        self.progress = Progress()
        self._encoder, self._settings, self._team, self._work = encoder, settings, team, work
        self._corpus, self._views, self._stream = corpus, views, Stream(corpus, settings.seed)
        self._measuring = measuring
        self._batch_size = min(settings.batch_size, len(corpus))
        encoder.model.to(team.device)
        self._parameters = [each for each in encoder.model.parameters() if each.requires_grad]
        self._optimizer = torch.optim.AdamW(_groups(encoder.model, settings.weight_decay))
        self.precision = settings.precision
        if self.precision == "auto":
            self.precision = "bf16" if half_precision(team.device) == "bf16" else "fp32"
        self.logs = SummaryWriter(log_dir=str(work / "logs")) if team.rank == 0 else None

    def next(self) -> Batch | None:
        """Make the next batch, if there is one within the budget."""
        settings, progress = self._settings, self.progress
        if settings.objective == "none" or progress.steps == settings.max_steps:
            return None
        begun, room = perf_counter(), None
        if settings.token_budget is not None:
            room = settings.token_budget - progress.tokens
            if room < self._views.least:
                return None
        drawn = self._stream.take(progress.items, self._batch_size)
        batch = self._views.batch(drawn, room, self._team.own(len(drawn)))
        progress.seconds += perf_counter() - begun
        return batch

    def step(self, batch: Batch) -> None:
        """Take a step of the optimiser; CstoolError if the losses are no numbers any more."""
        begun, settings, progress = perf_counter(), self._settings, self.progress
        # What dropout draws depends on the step alone, and so nothing of it has to be kept.
        torch.manual_seed(
            draws.named(settings.seed, "dropout", progress.steps, self._team.rank) >> 1
        )
        self._encoder.model.train()
        for group in self._optimizer.param_groups:
            group["lr"] = settings.learning_rate * self._rate()
        self._optimizer.zero_grad()
        mlm, contrastive = self._losses(batch)
        weight = settings.contrastive_weight if settings.objective == "both" else 1.0
        loss = mlm + weight * contrastive
        if loss.requires_grad:  # not if this process has no part of a small batch
            torch.autograd.backward(loss)
        self._team.sum_gradients(self._parameters)
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, _LONGEST_GRADIENT))
        progress.steps += 1
        told = [float(self._team.summed(mlm.detach())), float(contrastive.detach())]
        told.append(told[0] + weight * told[1])
        if not all(map(math.isfinite, (*told, norm))):
            raise CstoolError(
                f"the loss is {told[2]} and its gradient {norm} at step {progress.steps}: lower "
                "--learning-rate, or train with --precision fp32"
            )
        self._optimizer.step()
        progress.add(batch, told)
        progress.seconds += perf_counter() - begun

    def report(self) -> None:
        """Log the losses a hundred times a run, and measure the embeddings ten times.

        CstoolError if those of all texts have become the same.
        """
        progress = self.progress
        due = int(self.share() * _REPORTS)
        if due == progress.reported:
            return
        tenth = due * _MEASURES // _REPORTS > progress.reported * _MEASURES // _REPORTS
        progress.reported = due
        self._log(progress.means() | {"learning_rate": self._optimizer.param_groups[0]["lr"]})
        if tenth and self.logs:
            found = self.measured()
            self._log(found)
            is_warm = self.share() > self._settings.warmup_share
            if self._settings.contrasts and is_warm and found["uniformity"] > _COLLAPSED:
                raise CstoolError(
                    f"the embeddings of all texts have become the same (uniformity "
                    f"{found['uniformity']:.6f} at step {progress.steps}): lower --learning-rate, "
                    "or give larger batches"
                )

    @torch.inference_mode()
    def measured(self) -> dict[str, float]:
        """Measure alignment and uniformity on some items, always the same, without dropout."""
        self._encoder.model.eval()
        count = min(_MEASURED, len(self._corpus))
        numbers = self._corpus.order(-1, self._settings.seed)[:count]
        drawn = [(0, item) for item in self._corpus.items(numbers.tolist())]
        sides: list[list[torch.Tensor]] = [[], []]
        for start in range(0, count, _FORWARDED):
            some = drawn[start : start + _FORWARDED]
            batch = self._measuring.batch(some, None, range(len(some)))
            embeddings = self._embeddings(cast(Batch, batch)).float()
            for side, half in zip(sides, embeddings.chunk(2), strict=True):
                side.append(half)
        left, right = map(torch.cat, sides)
        return {"alignment": alignment(left, right), "uniformity": uniformity(left)}

    def share(self) -> float:
        """Give how much of the run is done."""
        done, of = self.told()[:2]
        return done / of

    def told(self) -> tuple[int, int, float]:
        """Give how far the run is, of how far, and the last loss."""
        settings, progress = self._settings, self.progress
        if settings.token_budget is not None:
            return progress.tokens, settings.token_budget, progress.last_loss
        return progress.steps, settings.max_steps or 1, progress.last_loss

    def save(self) -> None:
        """Keep all that is needed to go on; only the last such checkpoint stays."""
        if self.logs is None:
            return
        state = {
            "model": self._encoder.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "progress": asdict(self.progress),
        }
        folder = self._work / f"checkpoint-{self.progress.steps}"
        part = self._work / f".{folder.name}"
        part.mkdir(exist_ok=True)
        torch.save(state, part / _STATE)
        older = list(self._work.glob("checkpoint-*"))
        part.rename(folder)
        for each in older:
            shutil.rmtree(each)

    def load(self, checkpoint: Path) -> None:
        """Go on from a checkpoint."""
        state = torch.load(checkpoint / _STATE, map_location=self._team.device, weights_only=True)
        self._encoder.model.load_state_dict(state["model"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(**state["progress"])

    def _rate(self) -> float:
        """Give the factor of the learning rate: it rises, stays, and falls to 0, all in a line.

        It rises for the warm-up steps, or through the warm-up's share of the run if that is
        shorter, and falls from the end of this share on.
        """
        share, settings = self.share(), self._settings
        rise = (self.progress.steps + 1) / max(settings.warmup_steps, 1)
        rise = max(rise, share / settings.warmup_share)
        return min(1.0, rise, (1 - share) / (1 - settings.warmup_share))

    def _losses(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """Give this process's part of the masked-LM loss, and the whole contrastive loss.

        Both are means over the whole batch: over its masked tokens, over its pairs.
        """
        settings, device = self._settings, self._team.device
        mlm = contrastive = torch.zeros((), device=device)
        rows, length = batch.inputs["input_ids"].shape
        states = torch.zeros((0, length, self._encoder.model.config.hidden_size), device=device)
        inputs = {name: tensor.to(device) for name, tensor in batch.inputs.items()}
        with self._cast():
            if rows:
                states = self._encoder.states(inputs)
            if settings.masks and rows and batch.masked:
                labels = cast(torch.Tensor, batch.labels).to(device)
                there = labels != IGNORED
                logits = self._encoder.head()(states[there])
                mlm = masked_lm(logits, labels[there]) / batch.masked
        if settings.contrasts:
            own = pooled(states.float(), inputs["attention_mask"])
            left, right = (self._team.gathered(half, batch.items) for half in _halves(own))
            contrastive = info_nce(left, right, batch.related, settings.temperature)
        return mlm, contrastive

    def _embeddings(self, batch: Batch) -> torch.Tensor:
        inputs = {name: tensor.to(self._team.device) for name, tensor in batch.inputs.items()}
        with self._cast():
            return self._encoder.embeddings(inputs)

    def _cast(self) -> torch.autocast:
        kind = self._team.device.partition(":")[0]
        return torch.autocast(kind, torch.bfloat16, enabled=self.precision == "bf16")

    def _log(self, values: dict[str, float]) -> None:
        if self.logs:
            for name, value in values.items():
                self.logs.add_scalar(f"train/{name}", value, self.progress.steps)
            self.logs.add_scalar("train/tokens", self.progress.tokens, self.progress.steps)


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
    pairs = settings.contrasts and settings.views == "pairs"
    corpus = Corpus.gather(files, work / DATA, pairs=pairs)
    plan = {**asdict(settings), "processes": processes, **corpus.account}
    if settings.init_config:
        plan["init_config_sha256"] = digest(Path(settings.init_config))
    if switcher:
        plan["switching_sha256"] = switcher.digest()
    checkpoint = _checkpoint(work, plan) if resume else None
    (work / PLAN).write_bytes(orjson.dumps(plan))
    return corpus, plan, checkpoint


def _checkpoint(work: Path, plan: dict[str, Any]) -> Path | None:
    begun = work / PLAN
    if not begun.is_file():
        return None
    old = orjson.loads(begun.read_bytes())
    if changed := sorted(key for key in plan.keys() | old.keys() if plan.get(key) != old.get(key)):
        told = ", ".join(f"{key} was {old.get(key)}, is {plan.get(key)}" for key in changed)
        raise CstoolError(f"{work} cannot be resumed: {told}")
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    return found[-1] if found else None


def _tokenizer(corpus: Corpus, work: Path, settings: Pretraining) -> str:
    """Train a tokenizer if one is wanted, and say where the tokenizer is found."""
    if settings.train_tokenizer is None:
        return str(settings.tokenizer or settings.base)
    place = work / "tokenizer"
    if not (place / "tokenizer.json").is_file():  # of a run that is resumed: the texts are the same
        made = train_tokenizer(
            corpus.files(),
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


def _groups(model: torch.nn.Module, decay: float) -> list[dict[str, Any]]:
    """Spare biases and LayerNorm, which are vectors, from weight decay, as BERT does."""
    trained = [each for each in model.parameters() if each.requires_grad]
    return [
        {"params": [each for each in trained if each.ndim > 1], "weight_decay": decay},
        {"params": [each for each in trained if each.ndim < 2], "weight_decay": 0.0},
    ]


def _halves(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return rows[: len(rows) // 2], rows[len(rows) // 2 :]


def clear(work: Path) -> None:
    """Remove the data and the checkpoints of a run that has ended or is not wanted."""
    shutil.rmtree(work, ignore_errors=True)
