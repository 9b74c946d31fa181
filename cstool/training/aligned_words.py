"""What `train --align-words` does to the input embeddings: they turn towards others, no more."""

from typing import Any

import torch

from cstool.crossencoder import CrossEncoder, Pair, PairEncoder
from cstool.replacements import restored
from cstool.training.data import Groups
from cstool.training.order import Drawn

_GROUPS = 20_000  # spread over the data, of which the tokens of the originals are looked up


def prepare(model: CrossEncoder, data: Groups) -> None:
    """Keep the ranking loss away from the embeddings, and all losses from those of the originals.

    In a short fine-tuning the gradient of the ranking loss is noise to all words but those of the
    examples, and Adam makes full steps of it: words would lose each other while their translations
    are to find them. And languages share tokens: drawn to a translation, a token of a German word
    would be lost for the English words that have it.
    """
    base = model.model.base_model
    embeddings = getattr(base, "embeddings", model.model.get_input_embeddings())
    embeddings.register_forward_hook(lambda module, inputs, output: output.detach())
    table = model.model.get_input_embeddings().weight
    moving = torch.ones(len(table), 1)
    moving[sorted(_anchors(model, data))] = 0
    table.register_hook(lambda gradient: gradient * moving.to(gradient))


def lengths(model: Any) -> torch.Tensor:
    """Give the Euclidean norm of every token's embedding, (vocabulary, 1)."""
    norms: torch.Tensor = model.get_input_embeddings().weight.detach().norm(dim=1, keepdim=True)
    return norms


@torch.no_grad()
def stretch(model: Any, wanted: torch.Tensor) -> None:
    """Give the embeddings these lengths; those of zero stay.

    The cosine does not feel the length, and every step away from the vector adds to it: in some
    hundred steps a word would drown the position and the segment that are added to it. The lengths
    wanted are those of the encoder as it was begun, also after a resumption: the last bits of a
    checkpoint's differ.
    """
    now = lengths(model)
    factors = torch.where(now > 0, wanted.to(now) / now, 1.0)
    model.get_input_embeddings().weight.mul_(factors)


def _anchors(model: CrossEncoder, data: Groups) -> set[int]:
    """Find the tokens of the texts as they were before anything was replaced in them."""
    encoder = PairEncoder(model.encoder.tokenizer, model.encoder.max_length)
    apart = max(1, len(data) // _GROUPS)
    pairs: dict[Pair, None] = {}
    for number in range(0, len(data), apart):
        _, group = data[Drawn(0, number)]
        for one in group:
            sides = one.extra.get("switched", {})
            query, _ = restored(one.query, sides.get("query", ()))
            passage, _ = restored(one.passage, sides.get("passage", ()))
            pairs[query, passage] = None
    return {token for encoded in encoder.encode(list(pairs)) for token in encoded.ids}
