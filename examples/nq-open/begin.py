"""Draw the encoder that every arm starts from: random, but for what its first layer attends to.

python begin.py ENCODER FOLDER

A small cross-encoder with quite random weights stays at chance for tens of thousands of pairs,
because it has to find out first that words should be compared across the two texts. Here the first
layer starts with queries and keys that are the identity, so that a token attends to tokens like
itself, and a few dimensions of every head are set apart for the side, with opposite signs in
queries and keys, so that it looks to the other text first. No text and no lexicon goes into this;
it is the same for every arm.
"""

import sys
from pathlib import Path

import torch
from transformers import AutoModelForMaskedLM, AutoTokenizer

SIDE = 8  # dimensions of each head that tell the side
SPREAD = 0.05  # standard deviation of the embeddings
SEED = 1


def begin(model: torch.nn.Module) -> None:
    """Set the first layer and the embeddings of a BERT."""
    bert, config = model.bert, model.config
    per_head = config.hidden_size // config.num_attention_heads
    side = torch.arange(config.hidden_size) % per_head >= per_head - SIDE
    attention, tables = bert.encoder.layer[0].attention.self, bert.embeddings
    with torch.no_grad():
        same = torch.eye(config.hidden_size)
        attention.query.weight.copy_(same)
        attention.key.weight.copy_(torch.where(side, -same, same))
        for table in (tables.word_embeddings, tables.position_embeddings):
            torch.nn.init.normal_(table.weight, std=SPREAD)
        tables.word_embeddings.weight[:, side] = 0
        tables.position_embeddings.weight.mul_(0.2)
        tables.token_type_embeddings.weight.zero_()
        tables.token_type_embeddings.weight[0, side] = SPREAD
        tables.token_type_embeddings.weight[1, side] = -SPREAD


def main(encoder: Path, folder: Path) -> None:
    """Read an encoder's configuration and tokenizer, and write one with fresh weights."""
    torch.manual_seed(SEED)
    model = AutoModelForMaskedLM.from_config(AutoModelForMaskedLM.from_pretrained(encoder).config)
    begin(model)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(encoder).save_pretrained(folder)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
