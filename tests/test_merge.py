import pytest
import torch
from safetensors.torch import load_file

from cstool.crossencoder import CrossEncoder
from cstool.errors import CstoolError
from cstool.merge import merge


@pytest.fixture
def models(bert, tmp_path):
    """Two models from one encoder whose classifiers differ."""
    for seed in (1, 2):
        torch.manual_seed(seed)
        CrossEncoder.begin(bert, max_length=32, default=32).save(tmp_path / str(seed), {})
    return [str(tmp_path / "1"), str(tmp_path / "2")]


def weights(folder):
    return load_file(f"{folder}/model.safetensors")


def test_the_mean_of_the_weights(models, tmp_path):
    merge(models, [1, 3]).save(tmp_path / "merged", {})
    first, second, merged = map(weights, (*models, tmp_path / "merged"))
    assert not torch.equal(first["classifier.weight"], second["classifier.weight"])
    assert merged.keys() == first.keys()
    for name in merged:
        expected = 0.25 * first[name] + 0.75 * second[name]
        assert torch.allclose(merged[name], expected, atol=1e-7), name


def test_a_model_with_itself_is_itself(models, tmp_path):
    merge([models[0]] * 3, [1, 1, 1]).save(tmp_path / "merged", {})
    first, merged = weights(models[0]), weights(tmp_path / "merged")
    assert all(torch.equal(first[name], merged[name]) for name in first)


def test_models_that_have_no_mean(models, xlmr, bert, tmp_path):
    CrossEncoder.begin(xlmr, max_length=32, default=32).save(tmp_path / "x", {})
    with pytest.raises(CstoolError, match="architecture is xlm-roberta, not bert"):
        merge([models[0], str(tmp_path / "x")], [1, 1])
    CrossEncoder.begin(bert, max_length=16, default=32).save(tmp_path / "short", {})
    with pytest.raises(CstoolError, match="takes 16 tokens, not 32"):
        merge([models[0], str(tmp_path / "short")], [1, 1])
    other = CrossEncoder.begin(bert, max_length=32, default=32)
    other.model.resize_token_embeddings(500)
    other.save(tmp_path / "larger", {})
    with pytest.raises(CstoolError, match=r"has the shape \(500, 32\), not"):
        merge([models[0], str(tmp_path / "larger")], [1, 1])
    other = CrossEncoder.begin(bert, max_length=32, default=32)
    other.model.config.num_attention_heads *= 2
    other.save(tmp_path / "heads", {})
    with pytest.raises(CstoolError, match=r"num_attention_heads of its config.json is 4, not 2"):
        merge([models[0], str(tmp_path / "heads")], [1, 1])
    with pytest.raises(CstoolError, match="no trained classifier"):
        merge([models[0], bert], [1, 1])
