import json
import shutil
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder as Peer

from cstool.crossencoder import CrossEncoder, PairEncoder
from cstool.errors import CstoolError

PAIRS = [
    ("what is the capital of france", "paris lies on the seine"),
    ("who wrote faust", "goethe"),
    ("", "a long novel about war and peace"),
    ("where", ""),
    ("", ""),
    ("who wrote war and peace", "tolstoy wrote a long novel " * 3),
]


@pytest.fixture(params=["bert", "xlmr"])
def encoder(request) -> str:
    return request.getfixturevalue(request.param)


def saved(encoder: str, tmp_path, max_length: int | None = None) -> tuple[CrossEncoder, str]:
    torch.manual_seed(7)
    model = CrossEncoder.begin(encoder, max_length=max_length, default=512)
    model.model.eval()
    folder = tmp_path / "model"
    folder.mkdir()
    model.save(folder, {})
    return model, str(folder)


def test_ids_are_the_tokenizers_own(encoder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder)
    ours = PairEncoder(tokenizer, 64).encode(PAIRS)
    for (query, passage), encoded in zip(PAIRS, ours, strict=True):
        theirs = {key: row[0] for key, row in tokenizer([query], [passage]).items()}
        assert encoded.ids == theirs["input_ids"]
        if "token_type_ids" in theirs:
            assert encoded.type_ids == theirs["token_type_ids"]


def test_only_the_passage_is_cut(encoder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(encoder)
    pair = ("who wrote faust", "goethe wrote a long novel about the river seine")
    ours = PairEncoder(tokenizer, 10)
    [encoded] = ours.encode([pair])
    theirs = tokenizer(*pair, truncation="only_second", max_length=10)
    assert encoded.ids == theirs["input_ids"]
    assert (ours.truncated_passages, ours.truncated_queries) == (1, 0)


def test_a_query_that_fills_the_limit_is_cut_and_counted(bert):
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    ours = PairEncoder(tokenizer, 8)  # five words and three special tokens
    fits, full, both = ours.encode(
        [
            ("the capital of france is", ""),
            ("the capital of france is paris", ""),
            ("the capital of france is paris", "berlin"),
        ]
    )
    assert tokenizer.decode(fits.ids) == "[CLS] the capital of france is [SEP] [SEP]"
    assert full.ids == fits.ids == both.ids
    assert (ours.truncated_passages, ours.truncated_queries) == (1, 2)


def test_same_logits_in_transformers_and_sentence_transformers(encoder, tmp_path):
    _, folder = saved(encoder, tmp_path, max_length=48)
    pairs = [pair for pair in PAIRS if len(pair[1]) < 60]
    ours = CrossEncoder.load(folder, dtype="fp32").logits(pairs, batch_size=2)

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.inference_mode():
        plain = [
            model(**tokenizer([query], [passage], return_tensors="pt")).logits.item()
            for query, passage in pairs
        ]
    peer = Peer(folder)
    assert peer.max_seq_length == 48
    assert ours == pytest.approx(plain, abs=1e-5)
    assert ours == pytest.approx(peer.predict(pairs).tolist(), abs=1e-5)
    assert len({round(score, 4) for score in ours}) > 1


def test_scores_do_not_depend_on_the_batch(encoder, tmp_path):
    _, folder = saved(encoder, tmp_path)
    model = CrossEncoder.load(folder, dtype="fp32")
    alone = [model.logits([pair])[0] for pair in PAIRS]
    assert model.logits(PAIRS, batch_size=6) == pytest.approx(alone, abs=1e-5)
    assert model.logits(PAIRS[::-1], batch_size=4) == pytest.approx(alone[::-1], abs=1e-5)


def test_head_computes_in_float32_on_a_bf16_encoder(encoder, tmp_path):
    _, folder = saved(encoder, tmp_path)
    half = CrossEncoder.load(folder, dtype="bf16")
    assert next(half.model.base_model.parameters()).dtype == torch.bfloat16
    assert next(half.model.classifier.parameters()).dtype == torch.float32
    assert half.logits(PAIRS) == pytest.approx(
        CrossEncoder.load(folder, dtype="fp32").logits(PAIRS), abs=0.05
    )


@pytest.mark.parametrize("name", ["_is_avx512_bf16_supported", "_is_amx_tile_supported"])
def test_bf16_is_chosen_where_the_processor_multiplies_it(bert, tmp_path, monkeypatch, name):
    _, folder = saved(bert, tmp_path)
    for each in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, each, lambda: False)
    plain = CrossEncoder.load(folder, device="cpu")
    assert next(plain.model.base_model.parameters()).dtype == torch.float32
    monkeypatch.setattr(torch.cpu, name, lambda: True)
    narrow = CrossEncoder.load(folder, device="cpu")
    assert next(narrow.model.base_model.parameters()).dtype == torch.bfloat16


def test_a_tokenizer_of_another_model_is_refused(bert, tmp_path):
    _, folder = saved(bert, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    rows = len(tokenizer)
    tokenizer.add_tokens([f"new{i}" for i in range(2000)])
    tokenizer.save_pretrained(folder)
    with pytest.raises(CstoolError, match=f"gives ids up to {rows + 1999}, and the model has"):
        CrossEncoder.load(folder)


def test_a_folder_without_a_tokenizer_is_refused(encoder, tmp_path):
    """transformers would make one that takes every word for an unknown one."""
    _, folder = saved(encoder, tmp_path)
    for path in Path(folder).glob("tokenizer*"):
        path.unlink()
    with pytest.raises(CstoolError, match="has no tokenizer"):
        CrossEncoder.load(folder)
    with pytest.raises(CstoolError, match="has no tokenizer"):
        CrossEncoder.begin(folder, max_length=None, default=512)


def test_token_types_that_the_model_lacks_are_refused(bert, xlmr, tmp_path):
    _, folder = saved(xlmr, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    tokenizer.save_pretrained(folder)
    assert len(tokenizer) <= transformers.AutoConfig.from_pretrained(folder).vocab_size
    with pytest.raises(CstoolError, match="token types up to 1, and the model has 1"):
        CrossEncoder.load(folder)


def test_an_encoder_that_lacks_weights_is_refused(encoder, tmp_path):
    """A missing head may be drawn; a missing layer may not, nor one of another shape."""
    _, folder = saved(encoder, tmp_path)
    weights = load_file(f"{folder}/model.safetensors")
    whole = {name: tensor for name, tensor in weights.items() if "layer.1." not in name}
    assert len(whole) < len(weights)
    save_file(whole, f"{folder}/model.safetensors", metadata={"format": "pt"})
    lacks = r"16 weights of the encoder are missing or do not fit its config.json, \S+layer\.1\."
    for load in (
        lambda: CrossEncoder.load(folder, init_head=True),
        lambda: CrossEncoder.begin(folder, max_length=None, default=512),
    ):
        with pytest.raises(CstoolError, match=lacks):
            load()
    config = json.loads(Path(folder, "config.json").read_text("utf-8"))
    config["intermediate_size"] *= 2
    Path(folder, "config.json").write_text(json.dumps(config), "utf-8")
    save_file(weights, f"{folder}/model.safetensors", metadata={"format": "pt"})
    with pytest.raises(CstoolError, match="weights of the encoder are missing or do not fit"):
        CrossEncoder.begin(folder, max_length=None, default=512)


def test_another_head_is_replaced_for_training(bert, tmp_path):
    model = transformers.AutoModelForSequenceClassification.from_pretrained(bert, num_labels=3)
    model.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(bert).save_pretrained(tmp_path)
    begun = CrossEncoder.begin(str(tmp_path), max_length=None, default=512)
    assert begun.model.classifier.out_features == 1


def test_a_padding_token_is_that_of_the_tokenizer(bert, tmp_path):
    _, folder = saved(bert, tmp_path)
    expected = CrossEncoder.load(folder).logits(PAIRS)
    config = json.loads(Path(folder, "config.json").read_text("utf-8"))
    config["pad_token_id"] = None
    Path(folder, "config.json").write_text(json.dumps(config), "utf-8")
    model = CrossEncoder.load(folder)
    assert model.model.config.pad_token_id == model.encoder.tokenizer.pad_token_id
    assert model.logits(PAIRS) == expected


def test_length_of_a_model_of_somebody_else(bert, tmp_path):
    """transformers and sentence-transformers cut at what the tokenizer says."""
    _, folder = saved(bert, tmp_path, max_length=24)
    card = Path(folder, "cstool.json")
    for wrong in ("{}", "[", '{"max_length": "long"}'):
        card.write_text(wrong, "utf-8")
        with pytest.raises(CstoolError, match=r"cstool\.json: does not tell the max_length"):
            CrossEncoder.load(folder)
    card.write_text('{"max_length": 600}', "utf-8")
    with pytest.raises(
        CstoolError, match=r"64 positions, fewer than max_length of cstool\.json: 600"
    ):
        CrossEncoder.load(folder)
    card.unlink()
    assert CrossEncoder.load(folder).encoder.max_length == 24
    assert Peer(folder).max_seq_length == 24


def test_joined_ids_are_those_of_single_pairs(encoder):
    """Both ways to cut, at a limit that cuts queries as well."""
    for length in (8, 12, 64):
        ours = PairEncoder(transformers.AutoTokenizer.from_pretrained(encoder), length)
        theirs = ours.encode(PAIRS)
        cut = ours.truncated_passages, ours.truncated_queries
        joined = ours.join(PAIRS)
        assert (joined.truncated_passages, joined.truncated_queries) == cut
        for (ids, types), other in zip(joined.tokens(range(len(PAIRS))), theirs, strict=True):
            assert ids.tolist() == other.ids
            assert types.tolist() == other.type_ids


def test_two_outputs_score_by_their_difference(bert, tmp_path):
    torch.manual_seed(7)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(bert, num_labels=2)
    model.save_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(bert)
    tokenizer.save_pretrained(tmp_path)
    with torch.inference_mode():
        low, high = model.eval()(**tokenizer(*PAIRS[0], return_tensors="pt")).logits[0].tolist()
    [score] = CrossEncoder.load(str(tmp_path), dtype="fp32").logits(PAIRS[:1])
    assert score == pytest.approx(high - low, abs=1e-5)


def test_what_cannot_score_is_refused(bert, tmp_path):
    with pytest.raises(CstoolError, match="no trained classifier"):
        CrossEncoder.load(bert)
    with pytest.raises(CstoolError, match="no such folder"):
        CrossEncoder.load(str(tmp_path / "nothing"))
    with pytest.raises(CstoolError, match=str(tmp_path)):
        CrossEncoder.load(str(tmp_path))
    with pytest.raises(CstoolError, match="64 positions"):
        CrossEncoder.begin(bert, max_length=65, default=512)


def test_nothing_is_unpickled(bert, tmp_path):
    """Old checkpoints are loaded as tensors; one that wants to run code is refused."""
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(f"{bert}/{name}", tmp_path)
    state = load_file(f"{bert}/model.safetensors")
    torch.save(state, tmp_path / "pytorch_model.bin")
    begun = CrossEncoder.begin(str(tmp_path), max_length=None, default=512)
    assert torch.equal(
        begun.model.base_model.embeddings.word_embeddings.weight,
        next(tensor for name, tensor in state.items() if name.endswith("word_embeddings.weight")),
    )
    torch.save({"weight": _Trap(tmp_path / "sprung")}, tmp_path / "pytorch_model.bin")
    with pytest.raises(CstoolError, match=str(tmp_path)):
        CrossEncoder.begin(str(tmp_path), max_length=None, default=512)
    assert not (tmp_path / "sprung").exists()
    (tmp_path / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(CstoolError, match=str(tmp_path)):
        CrossEncoder.begin(str(tmp_path), max_length=None, default=512)


def test_no_code_of_a_model_is_run(bert, tmp_path):
    shutil.copytree(bert, tmp_path, dirs_exist_ok=True)
    config = json.loads((tmp_path / "config.json").read_text(encoding="utf-8"))
    config["model_type"] = "own"
    config["auto_map"] = {"AutoConfig": "own.Own", "AutoModelForSequenceClassification": "own.Own"}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (tmp_path / "own.py").write_text(
        f"open({str(tmp_path / 'sprung')!r}, 'w').close()\nclass Own: pass\n", encoding="utf-8"
    )
    with pytest.raises(CstoolError, match=str(tmp_path)):
        CrossEncoder.begin(str(tmp_path), max_length=None, default=512)
    assert not (tmp_path / "sprung").exists()


class _Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_length_follows_the_encoder_and_travels_with_the_model(encoder, tmp_path):
    model, folder = saved(encoder, tmp_path)
    assert model.encoder.max_length == 64
    (tmp_path / "b").mkdir()
    _, shorter = saved(encoder, tmp_path / "b", max_length=32)
    assert CrossEncoder.load(shorter).encoder.max_length == 32
    assert CrossEncoder.load(shorter, max_length=40).encoder.max_length == 40
    assert CrossEncoder.load(folder).encoder.max_length == 64


def test_files_are_safetensors_and_readable_by_others(bert, tmp_path):
    saved(bert, tmp_path)
    files = sorted(path.name for path in (tmp_path / "model").iterdir())
    assert "model.safetensors" in files
    assert not [name for name in files if name.endswith((".bin", ".pt", ".pkl"))]
    assert (tmp_path / "model" / "model.safetensors").stat().st_mode & 0o044 == 0o044


def test_the_last_layer_learns_the_same_from_the_first_token_alone(encoder):
    ours = CrossEncoder.begin(encoder, max_length=32, default=32)
    theirs = transformers.AutoModelForSequenceClassification.from_pretrained(encoder, num_labels=1)
    theirs.load_state_dict(ours.model.state_dict())
    inputs = ours.encoder.batch(ours.encoder.encode([("the city", "it lies"), ("a house", "")]))
    for model in (ours.model.eval(), theirs.eval()):
        model(**inputs).logits.sum().backward()
    gradients = {name: each.grad for name, each in theirs.named_parameters()}
    for name, each in ours.model.named_parameters():
        torch.testing.assert_close(each.grad, gradients[name], rtol=1e-4, atol=1e-6)
