"""What several tests share: the folder of real data and two tiny encoders."""

import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

# Tiny models are faster on one thread, and tests must not depend on how many there are.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# A loaded machine is no reason to fail.
settings.register_profile("cstool", deadline=None)
settings.load_profile("cstool")

WORDS = """what is the capital of france paris lies on the seine berlin germany house red blue river
city who wrote faust goethe a long novel about war and peace tolstoy moscow where when"""


def pytest_collection_modifyitems(config, items):
    """Leave out the tests on real data, or with programs of the system, where there are none."""
    there = {
        "realdata": os.environ.get("CSTOOL_REAL_DATA"),
        "latex": shutil.which("pdflatex"),
        "browser": shutil.which("chromium") and shutil.which("chromedriver"),
    }
    if missing := [marker for marker, found in there.items() if not found]:
        wanting = [item for item in items if any(map(item.get_closest_marker, missing))]
        config.hook.pytest_deselected(items=wanting)
        items[:] = [item for item in items if item not in wanting]


@pytest.fixture(scope="session")
def real_data() -> Path:
    return Path(os.environ["CSTOOL_REAL_DATA"]).resolve()


@pytest.fixture(scope="session")
def bert(tmp_path_factory) -> str:
    """A BERT of two layers with random weights, token types and a word-piece tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    pieces = [*special, *letters, *(f"##{c}" for c in letters), *sorted(set(WORDS.split()) - {"a"})]
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    backend = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer()
    backend.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    backend.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.2,  # far enough from constant scores to compare them
        max_position_embeddings=64,
    )
    return _save(BertModel(config), tokenizer, tmp_path_factory.mktemp("bert"))


@pytest.fixture(scope="session")
def xlmr(tmp_path_factory) -> str:
    """An XLM-RoBERTa of two layers with random weights and a unigram tokenizer of six scripts."""
    import torch
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast, XLMRobertaConfig, XLMRobertaModel

    special = ["<s>", "<pad>", "</s>", "<unk>"]
    letters = (
        "abcdefghijklmnopqrstuvwxyzäöüßабвгдежзийклмнопрстуфхцчшщъыьэюяابتثجحخدذرزسشصضطعغفقكلمنهوي"
    )
    pieces = [(piece, 0.0) for piece in special] + [("▁", -2.0)]
    pieces += [(letter, -5.0) for letter in letters]
    pieces += [(f"▁{word}", -4.0) for word in sorted(set(WORDS.split()))]
    backend = Tokenizer(models.Unigram(pieces, unk_id=3))
    backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    backend.pre_tokenizer = pre_tokenizers.Metaspace()
    backend.decoder = decoders.Metaspace()
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<s>",
        cls_token="<s>",
        eos_token="</s>",
        sep_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],
    )
    torch.manual_seed(1)
    config = XLMRobertaConfig(
        vocab_size=len(pieces),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        initializer_range=0.2,  # far enough from constant scores to compare them
        max_position_embeddings=66,
        type_vocab_size=1,
        pad_token_id=1,
        bos_token_id=0,
        eos_token_id=2,
    )
    return _save(XLMRobertaModel(config), tokenizer, tmp_path_factory.mktemp("xlmr"))


def _save(model, tokenizer, folder: Path) -> str:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)
