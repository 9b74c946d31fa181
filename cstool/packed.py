"""Encoders of BERT's build without padding: all pairs of a batch stand in one row.

Every layer but attention works on single tokens, so nothing is computed for padding. Attention is
kept within each pair; transformers calls it by the name that it is registered under here. The last
layer computes its output for the first token of each pair alone: no other is classified.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from typing import Any

import numpy as np
import torch
from transformers import AttentionInterface

from cstool.joined import Ids

NAME = "cstool-packed"
# Encoders whose classifier sees the first token alone, and how their positions are numbered.
_BERT, _ROBERTA = ("bert",), ("camembert", "roberta", "xlm-roberta")
# oneDNN compiles a 16-bit product for every number of rows: few numbers save more than they cost.
_ROUND = 128
# Attention on a CPU is up to twice as fast where the tokens are a multiple of this.
_TILE = 16


@dataclass(frozen=True)
class Segments:
    """Where the pairs of a row lie, in tokens.

    `runs` are (first token, pairs, tokens of each): neighbours of equal length share a call.
    `ends` is 0 and the end of each pair, int32, shape (pairs + 1), on the device of the model.
    """

    runs: list[tuple[int, int, int]]
    longest: int
    ends: torch.Tensor

    @classmethod
    def of(cls, lengths: Sequence[int], device: torch.device) -> "Segments":
        """Lay out pairs of these lengths one after another."""
        runs, first = [], 0
        for length, same in groupby(lengths):
            count = len(list(same))
            runs.append((first, count, length))
            first += count * length
        ends = torch.from_numpy(np.cumsum([0, *lengths], dtype=np.int32))
        return cls(runs, max(lengths), ends.to(device))


def can_pack(config: Any) -> bool:
    """Tell whether the encoder is one whose pairs may stand in one row."""
    positions = getattr(config, "position_embedding_type", None) or "absolute"
    known = config.model_type in (*_BERT, *_ROBERTA)
    return known and positions == "absolute" and not config.is_decoder


def pack(model: Any) -> None:
    """Let a model that `can_pack` allows take what `inputs` makes, and nothing else."""
    AttentionInterface.register(NAME, _attention)
    model.set_attn_implementation(NAME)
    first_token_only(model)


def is_packed(model: Any) -> bool:
    """Tell whether `pack` has been done to a model."""
    return bool(model.config._attn_implementation == NAME)


def padded(ids: Sequence[Ids], types: Sequence[Ids] | None, model: Any) -> dict[str, Any]:
    """Stack token ids, padded to the longest, for all other models: tensors (pairs, longest)."""
    lengths = np.array([len(row) for row in ids])
    kept = np.arange(lengths.max()) < lengths[:, None]

    def stacked(parts: Sequence[Ids], value: int) -> torch.Tensor:
        rows = np.full(kept.shape, value, dtype=np.int64)
        rows[kept] = np.concatenate(parts)
        return torch.from_numpy(rows).to(model.device)

    found = {
        "input_ids": stacked(ids, model.config.pad_token_id or 0),
        "attention_mask": torch.from_numpy(kept.astype(np.int64)).to(model.device),
    }
    return found if types is None else found | {"token_type_ids": stacked(types, 0)}


def inputs(ids: Sequence[Ids], types: Sequence[Ids] | None, model: Any) -> dict[str, Any]:
    """Lay token ids, and types where the model has them, in one row: tensors (1, tokens).

    On a CPU there are tokens that belong to no pair after them, enough for the last pair's tile; in
    16 bits they fill the row up to a multiple of 128.
    """
    config, device = model.config, model.device
    lengths = [len(row) for row in ids]
    positions: list[Ids] = [np.arange(length, dtype=np.int32) for length in lengths]
    if config.model_type in _ROBERTA:
        positions = [_behind(config.pad_token_id, row) for row in ids]
    rest = np.zeros(0, dtype=np.int64)
    if device.type == "cpu":
        least = sum(lengths) + _TILE - 1
        whole = _ROUND if model.base_model.dtype != torch.float32 else 1
        rest = np.zeros(_TILE - 1 + -least % whole, dtype=np.int64)

    def row(parts: Sequence[Ids]) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([*parts, rest], dtype=np.int64))[None].to(device)

    found = {
        "input_ids": row(ids),
        "position_ids": row(positions),
        "segments": Segments.of(lengths, device),
    }
    return found if types is None else found | {"token_type_ids": row(types)}


def _behind(padding: int, row: Ids) -> Ids:
    """Number tokens as RoBERTa does: from padding + 1, leaving out a text's own padding tokens."""
    kept = (row != padding).astype(np.int32)
    found: Ids = np.cumsum(kept, dtype=np.int32) * kept + padding
    return found


def first_token_only(model: Any) -> None:
    """Let the last layer compute its output for the first token alone: no other is classified.

    The logits stay the same. Of a layer's 12 d^2 multiplications per token (Vaswani et al. 2017:
    four projections of d x d, two of d x 4d) 2 d^2 are left, those of keys and values.
    """
    if model.config.model_type in (*_BERT, *_ROBERTA) and not model.config.is_decoder:
        layer = model.base_model.encoder.layer[-1]
        layer.forward = partial(_first_token, layer)


def _first_token(
    layer: Any,
    states: torch.Tensor,
    mask: torch.Tensor | None = None,
    *_: Any,
    segments: Segments | None = None,
    **__: Any,
) -> torch.Tensor:
    """Apply a BERT layer to states (batch, length, d), or a packed row, and give (batch, 1, d)."""
    own = layer.attention.self
    first = states[:, :1] if segments is None else states[0, segments.ends[:-1], None]
    shape = (own.num_attention_heads, own.attention_head_size)
    query, key, value = (
        projection(given).unflatten(-1, shape)
        for projection, given in ((own.query, first), (own.key, states), (own.value, states))
    )
    if segments is None:
        found = torch.nn.functional.scaled_dot_product_attention(
            query.transpose(1, 2),
            key.transpose(1, 2),
            value.transpose(1, 2),
            attn_mask=None if mask is None else mask[:, :, :1],
            dropout_p=own.dropout.p if own.training else 0.0,
        ).transpose(1, 2)
    else:
        found = _within(query[:, 0], key[0], value[0], segments, first_only=True)[:, None]
    attended = layer.attention.output(found.flatten(2), first)
    output: torch.Tensor = layer.feed_forward_chunk(attended)
    return output


def _attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    segments: Segments,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attend within each pair: from (1, heads, tokens, size) to (1, tokens, heads, size)."""
    rows = [states[0].transpose(0, 1) for states in (query, key, value)]
    return _within(rows[0], rows[1], rows[2], segments)[None], None


def _within(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    segments: Segments,
    first_only: bool = False,
) -> torch.Tensor:
    """Attend within each pair: rows (tokens, heads, size); `first_only`: a query for each pair."""
    varlen_attn = _varlen(query.device) if query.dtype != torch.float32 else None
    if varlen_attn:
        ends, longest = segments.ends, segments.longest
        if first_only:
            asked_ends, most = torch.arange(len(ends), dtype=torch.int32, device=ends.device), 1
        else:
            asked_ends, most = ends, longest
        together: torch.Tensor = varlen_attn(query, key, value, asked_ends, ends, most, longest)
        return together
    found = torch.zeros_like(query, memory_format=torch.contiguous_format)
    done = 0
    for first, count, length in segments.runs:
        # Up to a full tile, a pair reads on into what comes after it, whose keys are masked.
        more = -length % _TILE if key.device.type == "cpu" else 0
        mask = None
        if more:
            mask = torch.zeros(1, length + more, dtype=query.dtype, device=query.device)
            mask[:, length:] = -torch.inf
        start, size, beyond = (done, 1, 0) if first_only else (first, length, more)
        done += count
        attended = torch.nn.functional.scaled_dot_product_attention(
            _pairs(query, start, count, size, beyond),
            _pairs(key, first, count, length, more),
            _pairs(value, first, count, length, more),
            attn_mask=mask,
        )
        _pairs(found, start, count, size).copy_(attended[:, :, :size])
    return found


def _pairs(rows: torch.Tensor, first: int, count: int, length: int, more: int = 0) -> torch.Tensor:
    """View pairs of equal length, and `more` rows after each: (pairs, heads, tokens, size)."""
    row, head, _ = rows.stride()
    shape = (count, rows.shape[1], length + more, rows.shape[2])
    return rows.as_strided(shape, (length * row, head, row, 1), rows.storage_offset() + first * row)


@cache
def _varlen(device: torch.device) -> Callable[..., Any] | None:
    """Find attention for pairs of any lengths at once: torch has it from 2.10 on, on Ampere."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < (8, 0):
        return None
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    found: Callable[..., Any] = varlen_attn
    return found
