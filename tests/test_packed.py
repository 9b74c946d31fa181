"""The packed row gives the logits of transformers' own padded model."""

import math

import pytest
import torch
import transformers

from cstool import packed
from cstool.crossencoder import CrossEncoder
from cstool.errors import CstoolError

TEXT = "who wrote the long novel about war and peace paris lies on the river seine"
WORDS = TEXT.split()
# Many lengths, several pairs of some, and texts without a token.
PAIRS = [(" ".join(WORDS[: i % 5]), " ".join((WORDS * 3)[i : i + i * 7 % 23])) for i in range(40)]


@pytest.fixture(params=["bert", "xlmr"])
def folder(request, tmp_path) -> str:
    torch.manual_seed(5)
    encoder = request.getfixturevalue(request.param)
    CrossEncoder.begin(encoder, max_length=None, default=512).save(tmp_path, {})
    return str(tmp_path)


def theirs(folder: str, max_length: int, pairs=PAIRS) -> list[float]:
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    queries, passages = map(list, zip(*pairs, strict=True))
    inputs = tokenizer(
        queries,
        passages,
        padding=True,
        truncation="only_second",
        max_length=max_length,
        return_tensors="pt",
    )
    with torch.inference_mode():
        return model(**inputs).logits[:, 0].tolist()


@pytest.mark.parametrize("tokens", [1, 50, 10_000])
def test_logits_are_those_of_the_padded_model(folder, tokens):
    model = CrossEncoder.load(folder, max_length=24, dtype="fp32")
    assert packed.is_packed(model.model)
    ours = model.logits(PAIRS, batch_tokens=tokens)
    assert ours == pytest.approx(theirs(folder, 24), abs=1e-5)
    assert len({round(score, 4) for score in ours}) > 20


def test_a_text_may_name_the_padding_token(folder):
    model = CrossEncoder.load(folder, dtype="fp32")
    padding = model.encoder.tokenizer.pad_token
    pairs = [("who wrote", f"paris {padding} lies on the {padding}{padding} river"), *PAIRS]
    assert model.logits(pairs) == pytest.approx(theirs(folder, 64, pairs), abs=1e-5)


def test_rows_of_16_bits_are_filled_up_and_score_the_same(folder, monkeypatch):
    model = CrossEncoder.load(folder, max_length=24, dtype="bf16", device="cpu")
    tokens: list[int] = []
    model.model.register_forward_pre_hook(
        lambda _, args, given: tokens.append(given["input_ids"].shape[1]), with_kwargs=True
    )
    filled = model.logits(PAIRS, batch_tokens=200)
    assert len(tokens) > 2 and set(tokens) <= {128, 256}
    monkeypatch.setattr(packed, "_ROUND", 1)
    assert filled == pytest.approx(model.logits(PAIRS, batch_tokens=200), abs=1e-3)
    assert filled == pytest.approx(theirs(folder, 24), abs=2e-2)


def test_other_encoders_are_padded(bert, tmp_path):
    config = transformers.DistilBertConfig(
        vocab_size=1000, dim=16, n_layers=2, n_heads=2, hidden_dim=32, num_labels=1
    )
    torch.manual_seed(5)
    transformers.DistilBertForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.save_pretrained(tmp_path)
    model = CrossEncoder.load(str(tmp_path), max_length=24, dtype="fp32")
    assert not packed.is_packed(model.model)
    ours = model.logits(PAIRS, batch_tokens=60)
    assert ours == pytest.approx(theirs(str(tmp_path), 24), abs=1e-5)


def test_a_batch_without_memory_is_halved(folder, monkeypatch):
    """The device refuses more than 40 tokens, as one does that is full."""
    model = CrossEncoder.load(folder, max_length=24, dtype="fp32")
    whole = model.logits(PAIRS, batch_tokens=10_000)
    asked = []
    forward = model.model.forward

    def full(**inputs):
        asked.append(inputs["input_ids"].numel())
        if asked[-1] > 40:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(**inputs)

    monkeypatch.setattr(model.model, "forward", full)
    assert model.logits(PAIRS, batch_tokens=10_000) == pytest.approx(whole, abs=1e-5)
    assert max(asked) > 400
    monkeypatch.setattr(
        model.model, "forward", lambda **_: (_ for _ in ()).throw(torch.OutOfMemoryError("full"))
    )
    with pytest.raises(CstoolError, match="tokens does not fit in memory"):
        model.logits(PAIRS)


def test_a_long_passage_is_scored_by_its_parts(folder):
    """Each part is scored on its own; the parts of 100 words are laid out by hand."""
    model = CrossEncoder.load(folder, max_length=20, dtype="fp32")
    words = (WORDS * 8)[:100]
    special = 20 - len(model.encoder.join([("", "the " * 50)]).tokens([0])[0][0])
    assert special == 0
    query = "who wrote"
    left = len(model.encoder.encode([(query, "")])[0])
    free = 20 - left
    passage = [w for w in words if len(model.encoder.encode([("", w)])[0].ids) == left - 1][:60]
    parts, start = [], 0
    while True:
        parts.append(" ".join(passage[start : start + free]))
        if start + free >= len(passage):
            break
        start += free // 2
    [scores] = model.windows([[(query, " ".join(passage)), (query, "the")]], passage_windows=True)
    expected = [max(model.logits([(query, part) for part in parts]))]
    expected += model.logits([(query, "the")])
    assert len(parts) > 3
    assert list(scores.values) == pytest.approx(expected, abs=1e-5)
    assert scores.truncated_passages == 0


def test_no_number_among_the_parts_is_told(folder):
    joined = CrossEncoder.load(folder, max_length=20).encoder.join(
        [("a", "the " * 60)], passage_windows=True
    )
    rows = len(joined.rows)
    assert rows > 3
    assert math.isnan(joined.best([1.0, math.nan] + [2.0] * (rows - 2))[0])
