"""Average the weights of cross-encoders that were fine-tuned from one encoder."""

from collections.abc import Sequence
from typing import Any

import torch

from cstool.crossencoder import CrossEncoder
from cstool.errors import CstoolError

# Of a config.json: where the model is from, and how others load it or go on with it.
_NO_MATTER = frozenset(
    {"_name_or_path", "transformers_version", "dtype", "sentence_transformers", "problem_type"}
)


def merge(names: Sequence[str], weights: Sequence[float]) -> CrossEncoder:
    """Give a cross-encoder whose weights are the weighted mean of those of others.

    A uniform model soup (Wortsman et al. 2022, arXiv 2203.05482, table 2) if all weights are the
    same. The means are taken in float64. CstoolError if a model is no cross-encoder, or differs
    from the first in its architecture, its tokenizer or its length.
    """
    first = CrossEncoder.load(names[0], device="cpu", dtype="fp32")
    whole = sum(weights)
    means = {
        name: tensor.double() * (weights[0] / whole)
        for name, tensor in first.model.state_dict().items()
        if tensor.is_floating_point()
    }
    for name, weight in zip(names[1:], weights[1:], strict=True):
        other = CrossEncoder.load(name, device="cpu", dtype="fp32")
        if problem := _difference(first, other):
            raise CstoolError(f"{name} cannot be averaged with {names[0]}: {problem}")
        tensors = other.model.state_dict()
        for key, mean in means.items():
            mean += tensors[key].double() * (weight / whole)
    with torch.no_grad():
        for key, tensor in first.model.state_dict().items():
            if key in means:
                tensor.copy_(means[key])
    return first


def _difference(first: CrossEncoder, other: CrossEncoder) -> str | None:
    """Say why two models have no mean."""
    mine, theirs = first.model.config.model_type, other.model.config.model_type
    if mine != theirs:
        return f"its architecture is {theirs}, not {mine}"
    here, there = (
        {name: tuple(tensor.shape) for name, tensor in one.model.state_dict().items()}
        for one in (first, other)
    )
    for name in sorted(here.keys() | there.keys()):
        if here.get(name) != there.get(name):
            return f"{name} has the shape {there.get(name)}, not {here.get(name)}"
    mine, theirs = _settings(first), _settings(other)
    for name in sorted(mine.keys() | theirs.keys()):
        if mine.get(name) != theirs.get(name):
            return f"{name} of its config.json is {theirs.get(name)}, not {mine.get(name)}"
    if _tokenizer(first) != _tokenizer(other):
        return "its tokenizer is another"
    if first.encoder.max_length != other.encoder.max_length:
        return f"it takes {other.encoder.max_length} tokens, not {first.encoder.max_length}"
    return None


def _settings(model: CrossEncoder) -> dict[str, Any]:
    """Give what the logits may depend on."""
    known = model.model.config.to_dict()
    return {name: value for name, value in known.items() if name not in _NO_MATTER}


def _tokenizer(model: CrossEncoder) -> tuple[str, dict[str, str]]:
    tokenizer = model.encoder.tokenizer
    return tokenizer.backend_tokenizer.to_str(), dict(tokenizer.special_tokens_map)
