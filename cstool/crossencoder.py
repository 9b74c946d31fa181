"""A cross-encoder: from pairs of texts to logits, and from and to a Hugging Face folder."""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import huggingface_hub
import orjson
import torch
import transformers
from safetensors import SafetensorError
from tokenizers import Encoding, Tokenizer

from cstool import __version__
from cstool.devices import find_device, half_precision
from cstool.errors import CstoolError
from cstool.files import CARD

Pair = tuple[str, str]  # query, passage
_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
# What loading raises: also for a damaged file, and for a .bin that holds more than tensors.
_UNLOADABLE = (OSError, ValueError, RuntimeError, SafetensorError, UnpicklingError)
# Encoders of BERT's build whose classifier sees the first token alone.
_CLASSIFIES_FIRST = ("bert", "camembert", "roberta", "xlm-roberta")
_CHUNK = 4096  # pairs tokenised and sorted by length at a time

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
        cls, name: str, *, max_length: int | None = None, device: str = "auto", dtype: str = "auto"
    ) -> "CrossEncoder":
        """Load a trained cross-encoder for scoring; CstoolError if it is none.

        `dtype` is that of the encoder's weights (auto: fp32 on the CPU, bf16 or fp16 on CUDA); the
        classifier on top always computes in float32.
        """
        place = find_device(device)
        if dtype == "auto":
            dtype = half_precision(place) or "fp32"
        model, missing = _load_model(name)
        if missing:
            raise CstoolError(f"{name}: has no trained classifier on top of its encoder")
        if model.config.num_labels not in (1, 2):
            raise CstoolError(f"{name}: gives {model.config.num_labels} logits, expected 1 or 2")
        model.base_model.to(_DTYPES[dtype])
        for part in model.children():
            if part is not model.base_model:
                part.register_forward_pre_hook(_in_float32)
        _first_token_only(model)
        model.eval().to(place)
        return cls(model, PairEncoder(_load_tokenizer(name), _length(name, model, max_length)))

    @classmethod
    def begin(cls, name: str, *, max_length: int | None, default: int) -> "CrossEncoder":
        """Put a fresh classifier with one output on an encoder, for training.

        `default` is the length to use where the encoder allows it and none is asked for.
        """
        model, _ = _load_model(name, num_labels=1, ignore_mismatched_sizes=True)
        length = max_length or min(default, _positions(model))
        # What transformers' own loss must be if somebody trains this model further.
        model.config.problem_type = "multi_label_classification"
        _first_token_only(model)
        return cls(model, PairEncoder(_load_tokenizer(name), _length(name, model, length)))

    def logits(
        self,
        pairs: Sequence[Pair],
        *,
        batch_size: int = 32,
        scored: Callable[[int], None] = lambda count: None,
    ) -> list[float]:
        """Score pairs, in their order. `scored` hears how many are done.

        With two outputs the score is the log-odds of the second: their difference.
        """
        scores = [0.0] * len(pairs)
        for start in range(0, len(pairs), _CHUNK):
            encoded = self.encoder.encode(pairs[start : start + _CHUNK])
            # Pairs of like length share a batch: less padding.
            order = sorted(range(len(encoded)), key=lambda i: (-len(encoded[i]), i))
            for first in range(0, len(order), batch_size):
                chosen = order[first : first + batch_size]
                outputs = self._forward([encoded[i] for i in chosen])
                for i, output in zip(chosen, outputs, strict=True):
                    scores[start + i] = output[-1] - output[0] if len(output) == 2 else output[0]
                scored(start + first + len(chosen))
        return scores

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

    @torch.inference_mode()
    def _forward(self, encoded: Sequence[Encoding]) -> list[list[float]]:
        inputs = self.encoder.batch(encoded)
        device = self.model.device
        outputs = self.model(**{name: tensor.to(device) for name, tensor in inputs.items()})
        rows: list[list[float]] = outputs.logits.float().cpu().tolist()
        return rows


def _load_model(name: str, **options: Any) -> tuple[Any, set[str]]:
    try:
        model, info = transformers.AutoModelForSequenceClassification.from_pretrained(
            _local(name),
            dtype=torch.float32,
            output_loading_info=True,
            trust_remote_code=False,  # not said, transformers would ask on the terminal
            **options,
        )
    except _UNLOADABLE as error:
        raise _unloadable(name, error) from error
    return model, set(info["missing_keys"])


def _load_tokenizer(name: str) -> Any:
    try:
        return transformers.AutoTokenizer.from_pretrained(_local(name), trust_remote_code=False)
    except _UNLOADABLE as error:
        raise _unloadable(name, error) from error


def _local(name: str) -> str:
    """Tell a folder from a name on the hub, so that a mistyped path is not looked for there."""
    if not Path(name).is_dir() and (name.startswith((".", os.sep)) or name.count("/") > 1):
        raise CstoolError(f"{name}: no such folder")
    return name


def _length(name: str, model: Any, wanted: int | None) -> int:
    limit = _positions(model)
    card = Path(name) / CARD
    if wanted is None and card.is_file():
        wanted = int(orjson.loads(card.read_bytes())["max_length"])
    if wanted is not None and wanted > limit:
        raise CstoolError(f"{name}: has {limit} positions, fewer than --max-length {wanted}")
    return wanted or limit


def _positions(model: Any) -> int:
    """Count the tokens that fit: RoBERTa's family numbers its positions from padding + 1."""
    config = model.config
    positions = getattr(config, "max_position_embeddings", None) or 512
    if "roberta" in config.model_type or config.model_type in ("camembert", "mpnet"):
        positions -= config.pad_token_id + 1
    return int(positions)


def _first_token_only(model: Any) -> None:
    """Let the last layer compute its output for the first token alone: no other is classified.

    The logits stay the same. Of a layer's 12 d^2 multiplications per token (Vaswani et al. 2017:
    four projections of d x d, two of d x 4d) 2 d^2 are left, those of keys and values.
    """
    if model.config.model_type in _CLASSIFIES_FIRST and not model.config.is_decoder:
        layer = model.base_model.encoder.layer[-1]
        layer.forward = partial(_first_token, layer)


def _first_token(
    layer: Any, states: torch.Tensor, mask: torch.Tensor | None = None, *_: Any, **__: Any
) -> torch.Tensor:
    """Apply a BERT layer to states (batch, length, d), and give (batch, 1, d)."""
    own, first = layer.attention.self, states[:, :1]
    shape = (own.num_attention_heads, own.attention_head_size)
    query, key, value = (
        projection(given).unflatten(-1, shape).transpose(1, 2)
        for projection, given in ((own.query, first), (own.key, states), (own.value, states))
    )
    found = torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=None if mask is None else mask[:, :, :1],
        dropout_p=own.dropout.p if own.training else 0.0,
    )
    attended = layer.attention.output(found.transpose(1, 2).flatten(2), first)
    output: torch.Tensor = layer.feed_forward_chunk(attended)
    return output


def _in_float32(module: Any, inputs: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(item.float() if torch.is_tensor(item) else item for item in inputs)


def _unloadable(name: str, error: Exception) -> CstoolError:
    place = "" if Path(name).exists() else "no folder, and from the hub: "
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return CstoolError(f"{name}: {place}{reason}")
