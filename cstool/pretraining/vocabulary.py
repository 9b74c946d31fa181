"""Tokenizers of our own: unigram, with the languages of the texts balanced."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
)
from transformers import PreTrainedTokenizerFast

from cstool.pretraining import unigram

# XLM-R's special tokens under their names and, but for the mask, their numbers.
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
_MOST = 50_000_000  # characters of a file that are read: more of them change no piece that matters
_SPACE = re.compile(r"\s+")


def train_tokenizer(
    corpora: Sequence[Iterable[str]], size: int, *, alpha: float = 0.0, types: int = 1
) -> Any:
    """Train a tokenizer of at most `size` tokens, the special ones included.

    Each corpus, say a language, weighs as its size in characters to the power `alpha`, whatever the
    sizes (Conneau and Lample 2019, arXiv 1901.07291, section 3.1): 0 is equal shares, 1 leaves them
    as they are. Texts are NFKC, spaces collapsed, and end in `</s>`; `types` is how many types of
    tokens the model knows: with two, the second text of a pair has type 1. CstoolError if the size
    has no room for the characters of the texts.
    """
    counted = [_words(corpus) for corpus in corpora]
    words: defaultdict[str, float] = defaultdict(float)
    for found, weight in zip(counted, weights(list(map(_size, counted)), alpha), strict=True):
        for word, count in found.items():
            words[word] += count * weight
    pieces = unigram.learn(words, size - len(SPECIAL))
    backend = Tokenizer(models.Unigram([*((name, 0.0) for name in SPECIAL), *pieces], unk_id=3))
    backend.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Strip()]
    )
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    second = min(types, 2) - 1
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair=f"<s> $A </s> </s>:{second} $B:{second} </s>:{second}",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        mask_token=AddedToken("<mask>", lstrip=True, special=True),
        model_input_names=["input_ids", *(["token_type_ids"] if second else []), "attention_mask"],
    )


def weights(sizes: Sequence[float], alpha: float) -> list[float]:
    """Give the factor for each corpus that makes its share its size to the power `alpha`.

    The sum of all sizes stays; an empty corpus has the factor 0.
    """
    wanted = [size**alpha if size else 0.0 for size in sizes]
    return [
        want / sum(wanted) * sum(sizes) / size if size else 0.0
        for want, size in zip(wanted, sizes, strict=True)
    ]


def _words(texts: Iterable[str]) -> Counter[str]:
    found: Counter[str] = Counter()
    read = 0
    for text in texts:
        found.update(
            f"▁{word}" for word in _SPACE.split(unicodedata.normalize("NFKC", text)) if word
        )
        read += len(text)
        if read > _MOST:
            break
    return found


def _size(words: Counter[str]) -> int:
    return sum(len(word) * count for word, count in words.items())
