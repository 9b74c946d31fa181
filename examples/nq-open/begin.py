"""Make the encoder that every arm starts from: a tokenizer, and weights that no text went into.

python begin.py CONFIG SIZE FOLDER TEXT...

The tokenizer has SIZE pieces and learns them from the texts, plain lines or JSONL, of each about as
much. It lower-cases: questions are typed without capitals, the passages that answer them are not.

A small cross-encoder with quite random weights stays at chance for tens of thousands of pairs,
because it has to find out first that words should be compared across the two texts. Here the first
layer starts with queries and keys that are the identity, so that a token attends to tokens like
itself, and a few dimensions of every head are set apart for the side, with opposite signs in
queries and keys, so that it looks to the other text first. All else is random.
"""

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import AutoConfig, AutoModelForMaskedLM, PreTrainedTokenizerFast

SIDE = 8  # dimensions of each head that tell the side
SPREAD = 0.05  # standard deviation of the embeddings
SEED = 1
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}


def texts(path: Path) -> Iterator[str]:
    """Give the texts of a file."""
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if line.startswith("{"):
                row = json.loads(line)
                yield from (row["query"], row["passage"])
            else:
                yield line


def tokenizer(paths: list[Path], size: int) -> PreTrainedTokenizerFast:
    """Learn the pieces, from as many characters of each file as the shortest one has."""
    backend = Tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()]
    )
    backend.decoder = decoders.Metaspace()
    least = min(sum(map(len, texts(path))) for path in paths)
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL.values()),
        limit_alphabet=400,
        show_progress=False,
    )
    chosen = itertools.chain.from_iterable(_first(texts(path), least) for path in paths)
    backend.train_from_iterator(chosen, trainer)
    backend.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, backend.token_to_id(name)) for name in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **SPECIAL,
    )


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


def main(config: Path, size: int, folder: Path, paths: list[Path]) -> None:
    """Write the encoder with its tokenizer."""
    torch.manual_seed(SEED)
    pieces = tokenizer(paths, size)
    settings = json.loads(config.read_bytes())
    kind = settings.pop("model_type")
    known = {"vocab_size": len(pieces), "pad_token_id": pieces.pad_token_id}
    model = AutoModelForMaskedLM.from_config(AutoConfig.for_model(kind, **settings, **known))
    begin(model)
    pieces.save_pretrained(folder)
    model.save_pretrained(folder)


def _first(lines: Iterator[str], characters: int) -> Iterator[str]:
    for line in lines:
        if characters <= 0:
            return
        characters -= len(line)
        yield line


if __name__ == "__main__":
    config, size, folder, *paths = sys.argv[1:]
    main(Path(config), int(size), Path(folder), list(map(Path, paths)))
