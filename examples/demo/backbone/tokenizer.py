"""Train the backbone's tokenizer: 16,000 unigrams, as much text of each language.

python tokenizer.py TEXT FOLDER
"""

import math
import sys
from collections import Counter
from pathlib import Path

from corpus import LANGUAGES, paragraphs
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

SIZE = 16_000
CHARACTERS = 2_000_000  # of each language
SPECIAL = {
    "pad_token": "[PAD]",
    "unk_token": "[UNK]",
    "cls_token": "[CLS]",
    "sep_token": "[SEP]",
    "mask_token": "[MASK]",
}
MARKS = Regex("[\u064b-\u0652\u0640]")  # Arabic vowel signs and the stretching stroke


def train(text: Path) -> Tokenizer:
    """Learn the vocabulary; words are lower-cased, and split at spaces and punctuation first.

    Byte-pair merges choose the pieces, and how often each is used makes them unigrams. The usual
    way, to prune unigrams, serves so small a vocabulary badly: it likes to split off the mark of a
    word's start, a token that says nothing.
    """
    chosen = _tokenizer(models.BPE(unk_token=SPECIAL["unk_token"]))
    special = list(SPECIAL.values())
    lines = [line for language in LANGUAGES
             for line in paragraphs(language, text, characters=CHARACTERS)]  # fmt: skip
    chosen.train_from_iterator(
        lines,
        trainers.BpeTrainer(
            vocab_size=SIZE,
            special_tokens=special,
            min_frequency=2,
            limit_alphabet=400,
            show_progress=False,
        ),
    )
    counts = Counter[str]()
    for encoding in chosen.encode_batch(lines, add_special_tokens=False):
        counts.update(encoding.tokens)
    pieces = sorted(chosen.get_vocab(), key=chosen.token_to_id)
    scores = [math.log((counts[piece] + 0.1) / counts.total()) for piece in pieces]
    unknown = pieces.index(SPECIAL["unk_token"])
    tokenizer = _tokenizer(models.Unigram(list(zip(pieces, scores, strict=True)), unknown))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, special.index(name)) for name in ("[CLS]", "[SEP]")],
    )
    return tokenizer


def _tokenizer(model: models.Model) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Lowercase(), normalizers.Replace(MARKS, "")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Metaspace(),
            pre_tokenizers.Punctuation(),
        ]
    )
    tokenizer.decoder = decoders.Metaspace()
    return tokenizer


if __name__ == "__main__":
    text, folder = map(Path, sys.argv[1:])
    PreTrainedTokenizerFast(
        tokenizer_object=train(text),
        model_max_length=192,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        **SPECIAL,
    ).save_pretrained(folder)
