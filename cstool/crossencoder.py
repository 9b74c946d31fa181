"""A cross-encoder: from pairs of texts to logits, and from and to a Hugging Face folder."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import huggingface_hub
import orjson
import torch
import transformers
import xxhash
from tokenizers import Encoding, Tokenizer

from cstool import __version__, packed
from cstool.ahead import ahead
from cstool.devices import (
    find_device,
    half_precision,
    keep_memory,
    lacks_memory,
    processor_multiplies_bf16,
)
from cstool.errors import CstoolError
from cstool.files import CARD
from cstool.joined import Frame, Joined, batches, join
from cstool.loading import UNLOADABLE, drawn, fitting_tokenizer, local, positions, unloadable
from cstool.packed import first_token_only as _first_token_only
from cstool.windows import Scores

Pair = tuple[str, str]  # query, passage
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# Tokens computed at once, by their bytes on a CPU: more would leave its caches.
_CPU_BATCH_BYTES = 8192
_BATCH_TOKENS = {"cuda": 1 << 17}

transformers.logging.set_verbosity_error()
huggingface_hub.logging.set_verbosity_error()  # it tells of every retry
transformers.utils.logging.disable_progress_bar()


@dataclass
class PairEncoder:
    """Turns pairs into token ids of at most `max_length`.

    A passage is cut at its end. A query is never cut, unless it alone fills the limit; then its
    passage is empty. Both are counted. Within the limit the ids are those of the tokenizer itself.
    """

    tokenizer: Any
    max_length: int
    truncated_passages: int = 0
    truncated_queries: int = 0
    _backend: Tokenizer = field(init=False, repr=False)
    _frame: Frame | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        backend = getattr(self.tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise CstoolError("the model's tokenizer has no fast (tokenizer.json) version")
        self._backend = Tokenizer.from_str(backend.to_str())  # a copy, to switch its cutting off
        self._backend.no_truncation()
        self._backend.no_padding()

    def encode(self, pairs: Sequence[Pair]) -> list[Encoding]:
        """Encode pairs, with the special tokens of the model around and between them.

        Every text is tokenised once, however many pairs it is in.
        """
        plain = partial(self._backend.encode_batch, add_special_tokens=False)
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        known = dict(zip(texts, plain(texts), strict=True))
        room = self.max_length - self._backend.num_special_tokens_to_add(True)
        encoded = []
        for query, passage in pairs:
            left, right = known[query], known[passage]
            if len(left) + len(right) > room:  # cut anew: others may have more room for this text
                left, right = plain([query, passage])
                if len(left) > room:
                    self.truncated_queries += 1
                    left.truncate(room)
                if len(left) + len(right) > room:
                    self.truncated_passages += 1
                    right.truncate(room - len(left))
            encoded.append(self._backend.post_process(left, right))
        return encoded

    def join(self, pairs: Sequence[Pair], *, passage_windows: bool = False) -> Joined:
        """Tokenise pairs like `encode`, in the little memory that a large window needs."""
        if self._frame is None:
            self._frame = Frame.of(self._backend)
        return join(
            self._backend, self._frame, pairs, self.max_length, passage_windows=passage_windows
        )

    def tokens(self, text: str, spans: Iterable[tuple[int, int]]) -> list[tuple[int, ...]]:
        """Give the ids of the tokens of each span (start, end) of a text; () if it has none."""
        encoded = self._backend.encode(text, add_special_tokens=False)
        found: list[tuple[int, ...]] = []
        for start, end in spans:
            first, last = encoded.char_to_token(start), encoded.char_to_token(end - 1)
            if first is None or last is None:
                found.append(())
            else:
                found.append(tuple(encoded.ids[first : last + 1]))
        return found

    def batch(self, encoded: Sequence[Encoding]) -> dict[str, torch.Tensor]:
        """Pad encoded pairs to the longest and stack them: tensors of shape (batch, length)."""
        longest = max(map(len, encoded))
        padding = self.tokenizer.pad_token_id

        def padded(rows: Iterator[list[int]], value: int) -> torch.Tensor:
            return torch.tensor([row + [value] * (longest - len(row)) for row in rows])

        inputs = {
            "input_ids": padded((item.ids for item in encoded), padding),
            "attention_mask": padded((item.attention_mask for item in encoded), 0),
        }
        if "token_type_ids" in self.tokenizer.model_input_names:
            inputs["token_type_ids"] = padded((item.type_ids for item in encoded), 0)
        return inputs


@dataclass
class CrossEncoder:
    """A sequence classifier with its tokenizer; higher logits mean more relevant."""

    model: Any
    encoder: PairEncoder

    @classmethod
    def load(
        cls,
        name: str,
        *,
        max_length: int | None = None,
        device: str = "auto",
        dtype: str = "auto",
        init_head: bool = False,
    ) -> "CrossEncoder":
        """Load a trained cross-encoder for scoring; CstoolError if it is none.

        With `init_head` a missing classifier is drawn, always the same.

        `dtype` is that of the encoder's weights (auto: bf16 where the device has instructions for
        it, else fp16 on CUDA, fp32 on the CPU); the classifier on top always computes in float32.
        """
        place = find_device(device)
        keep_memory(place)
        if dtype == "auto":
            narrow = place == "cpu" and processor_multiplies_bf16()
            dtype = "bf16" if narrow else half_precision(place) or "fp32"
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            model, lacks_head = _load_model(name)
        if lacks_head and not init_head:
            raise CstoolError(
                f"{name}: has no trained classifier on top of its encoder; "
                "--init-head would score with one that is drawn at random"
            )
        if model.config.num_labels not in (1, 2):
            raise CstoolError(f"{name}: gives {model.config.num_labels} logits, expected 1 or 2")
        model.base_model.to(_DTYPES[dtype])
        for part in model.children():
            if part is not model.base_model:
                part.register_forward_pre_hook(_in_float32)
        if packed.can_pack(model.config):
            packed.pack(model)
        model.eval().to(place)
        tokenizer = fitting_tokenizer(name, model)
        return cls(model, PairEncoder(tokenizer, _length(name, model, tokenizer, max_length)))

    @classmethod
    def begin(cls, name: str, *, max_length: int | None, default: int) -> "CrossEncoder":
        """Put a fresh classifier with one output on an encoder, for training.

        `default` is the length to use where the encoder allows it and none is asked for.
        """
        model, _ = _load_model(name, num_labels=1, ignore_mismatched_sizes=True)
        tokenizer = fitting_tokenizer(name, model)
        length = max_length or min(default, positions(model))
        # What transformers' own loss must be if somebody trains this model further.
        model.config.problem_type = "multi_label_classification"
        _first_token_only(model)
        return cls(model, PairEncoder(tokenizer, _length(name, model, tokenizer, length)))

    def logits(
        self,
        pairs: Sequence[Pair],
        *,
        batch_size: int | None = None,
        batch_tokens: int | None = None,
    ) -> list[float]:
        """Score pairs, in their order, as one window: see `windows`."""
        [scores] = self.windows([pairs], batch_size=batch_size, batch_tokens=batch_tokens)
        return list(scores.values)

    def windows(
        self,
        windows: Iterable[Sequence[Pair]],
        *,
        batch_size: int | None = None,
        batch_tokens: int | None = None,
        passage_windows: bool = False,
        scored: Callable[[float], None] = lambda share: None,
    ) -> Iterator[Scores]:
        """Score windows of pairs, one after another; the next is tokenised while the model works.

        Pairs of like length share a batch of at most `batch_size` pairs and `batch_tokens` tokens
        (None: no limit, and what the device likes). With `passage_windows` a long passage is scored
        by its parts: see `joined.join`. `scored` hears of every batch how many pairs' share of the
        window's tokens it had. With two outputs the score is the log-odds of the second: their
        difference. A batch for which there is no memory is halved; CstoolError for a single pair.
        """
        tokens = batch_tokens or _batch_tokens(self.model)
        join = partial(self.encoder.join, passage_windows=passage_windows)
        for joined in ahead(map(join, windows)):
            lengths = joined.lengths
            values = [0.0] * len(lengths)
            for batch in batches(lengths, batch_size or len(values), tokens):
                for i, output in zip(batch, self._outputs(joined, batch), strict=True):
                    values[i] = output[-1] - output[0] if len(output) == 2 else output[0]
                scored(len(joined.pairs) * float(lengths[batch].sum() / lengths.sum()))
            yield Scores(joined.best(values), joined.truncated_passages, joined.truncated_queries)

    def fingerprint(self) -> str:
        """Give a digest of weights, tokenizer and whatever else the logits depend on."""
        found = xxhash.xxh3_128()
        for name, tensor in self.model.state_dict().items():
            found.update(name.encode())
            flat = tensor.detach().cpu().reshape(-1).contiguous()
            found.update(flat.view(torch.uint8).numpy().data)
        for told in (
            self.model.config.to_json_string(),
            self.encoder.tokenizer.backend_tokenizer.to_str(),
        ):
            found.update(told.encode())
        return f"{found.hexdigest()} {self.model.device.type} {torch.__version__}"

    def save(self, folder: Path, card: dict[str, Any]) -> None:
        """Write weights (safetensors), tokenizer, config and, last, what `card` tells.

        The folder loads in transformers and in sentence-transformers' CrossEncoder, which is told
        to give the logits as they are.
        """
        self.model.config.sentence_transformers = {
            "activation_fn": "torch.nn.modules.linear.Identity",
            "version": "5.0.0",
        }
        self.encoder.tokenizer.model_max_length = self.encoder.max_length
        self.model.save_pretrained(folder)
        self.encoder.tokenizer.save_pretrained(folder)
        for file in folder.glob("*.safetensors"):  # safetensors lets nobody else read them
            file.chmod((folder / "config.json").stat().st_mode)
        content = {"version": __version__, "max_length": self.encoder.max_length, **card}
        (folder / CARD).write_bytes(
            orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
        )

    def _outputs(self, joined: Joined, batch: Sequence[int]) -> list[list[float]]:
        try:
            return self._forward(joined, batch)
        except RuntimeError as error:
            if not lacks_memory(error):
                raise
        # Outside the except block, whose traceback holds the tensors that filled the memory.
        if len(batch) == 1:
            raise CstoolError(
                f"a pair of {joined.lengths[batch[0]]} tokens does not fit in memory; "
                "a smaller --max-length would"
            )
        if self.model.device.type == "cuda":
            torch.cuda.empty_cache()
        half = len(batch) // 2
        return self._outputs(joined, batch[:half]) + self._outputs(joined, batch[half:])

    @torch.inference_mode()
    def _forward(self, joined: Joined, batch: Sequence[int]) -> list[list[float]]:
        ids, types = zip(*joined.tokens(batch), strict=True)
        typed = "token_type_ids" in self.encoder.tokenizer.model_input_names
        lay = packed.inputs if packed.is_packed(self.model) else packed.padded
        outputs = self.model(**lay(ids, types if typed else None, self.model))
        rows: list[list[float]] = outputs.logits.float().cpu().tolist()
        return rows


def _load_model(name: str, **options: Any) -> tuple[Any, bool]:
    """Load a model, and tell whether weights on top of its encoder had to be drawn.

    CstoolError if some of the encoder itself are not there, or are of another shape.
    """
    try:
        model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
            local(name),
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,  # not said, transformers would ask on the terminal
            **options,
        )
    except UNLOADABLE as error:
        raise unloadable(name, error) from error
    return model, bool(drawn(name, model, info))


def _length(name: str, model: Any, tokenizer: Any, wanted: int | None) -> int:
    """Choose the tokens of a pair: what is wanted, what it was trained with, or what fits."""
    limit, card = positions(model), Path(name) / CARD
    told = "--max-length"
    if wanted is None and card.is_file():
        told = f"max_length of {CARD}:"
        try:
            wanted = int(orjson.loads(card.read_bytes())["max_length"])
        except (ValueError, KeyError, TypeError) as error:
            raise CstoolError(f"{card}: does not tell the max_length of a model") from error
    if wanted is not None and wanted > limit:
        raise CstoolError(f"{name}: has {limit} positions, fewer than {told} {wanted}")
    return wanted or min(limit, tokenizer.model_max_length)


def _batch_tokens(model: Any) -> int:
    if model.device.type == "cpu":
        return _CPU_BATCH_BYTES // int(model.base_model.dtype.itemsize)
    return _BATCH_TOKENS.get(model.device.type, 1 << 14)


def _in_float32(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item.float() if torch.is_tensor(item) else item for item in inputs)
