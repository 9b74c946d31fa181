import json
import math
import shutil
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer

from cstool.codeswitch import Switcher
from cstool.errors import CstoolError
from cstool.lexicons.store import Table
from cstool.pretrain import pretrain
from cstool.pretraining.encoder import Encoder
from cstool.records import Entry, Example, Text
from cstool.settings import Pretraining

COLOURS = ("red", "blue", "green", "white")
THINGS = ("house", "river", "city", "novel", "stone")
PLACES = ("paris", "berlin", "moscow")
WORDS = [("house", "Haus"), ("river", "Fluss"), ("city", "Stadt"), ("red", "rot"), ("the", "das")]
CONFIG = {
    "model_type": "xlm-roberta",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 66,
    "type_vocab_size": 1,
}


def texts() -> list[Text]:
    return [
        Text(f"t{colour}{thing}{place}", f"the {colour} {thing} stands in {place} and is {colour}")
        for colour in COLOURS
        for thing in THINGS
        for place in PLACES
    ]


def examples() -> list[Example]:
    return [
        Example(f"q{text.id}", f"what is {text.text[4:-11]}", f"p{text.id}", text.text, label)
        for number, text in enumerate(texts())
        for label in (number % 2,)
    ]


def switcher(ratio=0.5):
    table = Table.of(Entry(*pair) for pair in WORDS)
    return Switcher({"de": table}, dict.fromkeys(("text", "query", "passage"), ("de",)), ratio, 1)


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    path = tmp_path_factory.mktemp("config") / "config.json"
    path.write_text(json.dumps(CONFIG), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def base(config, tmp_path_factory):
    """An encoder with a mask token, of random weights."""
    folder = tmp_path_factory.mktemp("base")
    settings = Pretraining(
        init_config=config, train_tokenizer=90, objective="none", device="cpu", max_length=32
    )
    words = [Text("w", " ".join(target for _, target in WORDS))]
    encoder, _ = pretrain([texts(), words], folder / "work", settings, switcher=switcher())
    encoder.save(folder / "base", with_head=True, card={"max_length": 32}, readme="")
    return str(folder / "base")


@pytest.fixture
def settings(base):
    return Pretraining(
        base=base,
        token_budget=4000,
        batch_size=8,
        learning_rate=3e-3,
        max_length=32,
        save_steps=5,
        device="cpu",
    )


def weights(encoder) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in encoder.model.state_dict().items()}


def equal(left, right) -> bool:
    left, right = weights(left), weights(right)
    return left.keys() == right.keys() and all(
        torch.equal(left[name], right[name]) for name in left
    )


WAYS = [
    {"objective": "mlm"},
    {"objective": "mlm", "whole_words": True, "mask_switched": True},
    {"objective": "contrastive"},
    {"objective": "contrastive", "views": "crops", "crop_max": 0.9},
    {"objective": "contrastive", "views": "pairs"},
    {"objective": "both"},
    {"objective": "both", "views": "pairs", "mask_switched": True},
    {"objective": "both", "views": "crops", "whole_words": True},
]


@pytest.mark.parametrize("given", WAYS, ids=lambda given: "-".join(map(str, given.values())))
def test_all_objectives_spend_the_same_budget(given, settings, tmp_path, monkeypatch):
    """What the model is given is counted here on its own, whenever gradients are wanted."""
    counted, forwarded = [], Encoder.states

    def states(self, inputs):
        if torch.is_grad_enabled() and not torch.is_inference_mode_enabled():
            counted.append(int((inputs["input_ids"] != self.tokenizer.pad_token_id).sum()))
        return forwarded(self, inputs)

    monkeypatch.setattr(Encoder, "states", states)
    records = examples() if given.get("views") == "pairs" else texts()
    _, account = pretrain(
        [records], tmp_path / "work", replace(settings, **given), switcher=switcher()
    )
    assert sum(counted) == account["tokens"] == settings.token_budget
    assert len(counted) == account["steps"]
    assert account["texts"] == (30 if given.get("views") == "pairs" else 60)


@pytest.mark.parametrize("objective", ["mlm", "contrastive", "both"])
def test_it_learns(objective, settings, tmp_path):
    settings = replace(settings, objective=objective, token_budget=40_000)
    _, account = pretrain([texts()], tmp_path / "work", settings, switcher=switcher())
    assert account["last_loss"] < 0.7 * account["first_loss"]
    if objective == "contrastive":
        # Views of a text come nearer relative to how far apart texts are.
        assert account["after"]["uniformity"] < account["before"]["uniformity"] - 0.5
    assert set(account["before"]) == set(account["after"]) == {"alignment", "uniformity"}
    assert account["masked"] == pytest.approx(
        0 if objective == "contrastive" else 0.15 * 40_000, rel=0.2
    )


def test_a_first_loss_is_that_of_guessing(settings, tmp_path):
    """Before anything is learnt, one of the vocabulary or of the batch is as good as another."""
    given = replace(settings, token_budget=None, max_steps=1, learning_rate=0.0)
    encoder, account = pretrain([texts()], tmp_path / "mlm", given)
    assert account["first_loss"] == pytest.approx(math.log(len(encoder.tokenizer)), abs=0.2)
    assert account["steps"] == 1
    given = replace(given, objective="contrastive", views="crops", temperature=1000.0)
    _, account = pretrain([texts()], tmp_path / "contrastive", given)
    assert account["first_loss"] == pytest.approx(math.log(8), abs=0.01)


@pytest.mark.parametrize("objective", ["mlm", "both"])
def test_a_resumed_run_ends_with_the_same_weights(objective, settings, tmp_path):
    settings = replace(settings, objective=objective)
    whole, expected = pretrain([texts()], tmp_path / "whole", settings, switcher=switcher())
    steps = []

    def stop(done, *_):
        steps.append(done)
        if len(steps) == 8:
            raise KeyboardInterrupt

    work = tmp_path / "work"
    with pytest.raises(KeyboardInterrupt):
        pretrain([texts()], work, settings, switcher=switcher(), on_step=stop)
    assert [path.name for path in work.glob("checkpoint-*")] == ["checkpoint-5"]
    resumed, account = pretrain(
        [texts()],
        work,
        settings,
        switcher=switcher(),
        resume=True,
        on_step=lambda done, *_: steps.append(done),
    )
    assert steps[8:11] == steps[5:8]  # it went on after the fifth step
    assert equal(resumed, whole)
    left, right = ({**each, "seconds": 0} for each in (account, expected))
    assert left == right


def test_resuming_with_other_texts_or_settings_is_refused(settings, tmp_path):
    work = tmp_path / "work"
    pretrain([texts()], work, settings, switcher=switcher())
    for records, given, words, told in [
        (texts()[1:], settings, switcher(), "texts_read was 60, is 59"),
        (
            texts(),
            replace(settings, temperature=0.1),
            switcher(),
            r"temperature was 0\.05, is 0\.1",
        ),
        (texts(), settings, switcher(0.6), "switching_sha256 was"),
    ]:
        with pytest.raises(CstoolError, match=f"cannot be resumed: {told}"):
            pretrain([records], work, given, switcher=words, resume=True)
    (work / "plan.json").unlink()
    with pytest.raises(CstoolError, match=r"cannot be resumed: its plan\.json is gone"):
        pretrain([texts()], work, settings, switcher=switcher(), resume=True)


def test_an_encoder_that_lacks_weights_is_refused(bert, settings, tmp_path):
    shutil.copytree(bert, tmp_path / "base")
    file = tmp_path / "base" / "model.safetensors"
    kept = {name: tensor for name, tensor in load_file(file).items() if "layer.1." not in name}
    save_file(kept, file, metadata={"format": "pt"})
    settings = replace(settings, init_config=None, train_tokenizer=None, base=str(file.parent))
    settings = replace(settings, objective="contrastive", views="crops")
    with pytest.raises(CstoolError, match="16 weights of the encoder are missing"):
        pretrain([texts()], tmp_path / "work", settings)


def test_same_seed_same_weights_other_seed_others(settings, tmp_path):
    first, again, other = (
        pretrain([texts()], tmp_path / name, replace(settings, seed=seed))[0]
        for name, seed in (("1", 1), ("2", 1), ("3", 2))
    )
    assert equal(first, again)
    assert not equal(first, other)


def test_the_control_keeps_the_weights_of_its_base(base, settings, tmp_path):
    encoder, account = pretrain([texts()], tmp_path / "work", replace(settings, objective="none"))
    encoder.save(tmp_path / "encoder", with_head=False, card={}, readme="")
    old = AutoModelForMaskedLM.from_pretrained(base).base_model.state_dict()
    new = load_file(tmp_path / "encoder" / "model.safetensors")
    assert new.keys() == old.keys()
    assert all(torch.equal(tensor, old[name]) for name, tensor in new.items())
    assert (account["tokens"], account["steps"], account["masked"]) == (0, 0, 0)
    assert account["before"] == account["after"]


def test_from_scratch_all_objectives_start_alike(config, base, tmp_path):
    given = Pretraining(
        init_config=config, tokenizer=base, max_steps=1, learning_rate=0.0, device="cpu",
        batch_size=8, max_length=32,
    )  # fmt: skip
    made = {
        objective: pretrain(
            [texts()],
            tmp_path / objective,
            replace(given, objective=objective),
            switcher=switcher(),
        )[0]
        for objective in ("none", "mlm", "contrastive", "both")
    }
    assert all(equal(made["none"], encoder) for encoder in made.values())
    other, _ = pretrain([texts()], tmp_path / "other", replace(given, objective="none", seed=2))
    assert not equal(made["none"], other)
    assert made["none"].model.config.vocab_size == len(AutoTokenizer.from_pretrained(base))


def test_a_tokenizer_of_the_run_balances_the_files(config, tmp_path):
    german = [Text("d", "der rote Fluss fließt durch die alte Stadt und das Haus")]
    given = Pretraining(init_config=config, train_tokenizer=80, objective="none", device="cpu")
    even, uneven = (
        pretrain(
            [texts() * 20, german],
            tmp_path / str(alpha),
            replace(given, tokenizer_alpha=alpha, max_length=32),
        )[0].tokenizer
        for alpha in (0.0, 1.0)
    )
    counts = [len(each(german[0].text)["input_ids"]) for each in (even, uneven)]
    assert counts[0] < 0.8 * counts[1]


def test_a_tokenizer_of_the_run_knows_what_is_switched_to(config, tmp_path):
    table = Table.of([Entry("river", "река"), Entry("city", "город")])
    russian = Switcher({"ru": table}, {"text": ("ru",)}, 1.0, 1)
    given = Pretraining(init_config=config, train_tokenizer=100, objective="none", device="cpu")
    known, unknown = (
        pretrain([texts()], tmp_path / str(n), replace(given, max_length=32), switcher=each)[0]
        for n, each in enumerate((russian, None))
    )
    assert known.tokenizer.unk_token_id not in known.tokenizer("река")["input_ids"]
    assert unknown.tokenizer.unk_token_id in unknown.tokenizer("река")["input_ids"]


def test_biases_and_layer_norms_do_not_decay(settings, tmp_path):
    """With a decay this strong and no gradient worth mentioning, only what decays becomes small."""
    given = replace(settings, weight_decay=100.0, learning_rate=1e-3, warmup_steps=0)
    encoder, _ = pretrain([texts()], tmp_path / "work", given)
    layer = encoder.model.base_model.encoder.layer[0]
    assert layer.attention.self.query.weight.abs().mean() < 0.005
    assert layer.output.LayerNorm.weight.mean() > 0.9


def test_two_processes_do_what_one_does(base, settings, tmp_path):
    """Two processes with half of each batch end with the same weights, but for rounding."""
    lines = "\n".join(text.text for text in texts())
    (tmp_path / "texts.txt").write_text(lines, encoding="utf-8")
    scratch = {**CONFIG, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (tmp_path / "config.json").write_text(json.dumps(scratch), encoding="utf-8")
    command = [
        *("pretrain", "texts.txt", "--init-config", "config.json", "--tokenizer", base),
        *("--objective", "both", "--views", "crops", "--crop-max", "0.9", "--batch-size", "7"),
        *("--token-budget", "1500", "--max-length", "32", "--device", "cpu"),
    ]
    start = ["-c", "from cstool.cli import app; app()"]
    team = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "--no-python"]
    for name, front in (("one", []), ("two", [*team, sys.executable])):
        done = subprocess.run(
            [sys.executable, *front, *start, *command, "-o", name],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert done.stderr.count(f"cstool: {name}: 1500 tokens") == 1
    one, two = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    for name, tensor in one.items():
        assert torch.allclose(tensor, two[name], atol=2e-5), name
    cards = [json.loads((tmp_path / name / "cstool.json").read_text()) for name in ("one", "two")]
    assert [card["counts"]["processes"] for card in cards] == [1, 2]
    assert cards[1]["inputs"] == cards[0]["inputs"]


def test_bf16(settings, tmp_path):
    given = replace(settings, precision="bf16", objective="both", token_budget=20_000)
    encoder, account = pretrain([texts()], tmp_path / "work", given, switcher=switcher())
    assert account["last_loss"] < 0.8 * account["first_loss"]
    assert {tensor.dtype for tensor in weights(encoder).values()} <= {torch.float32, torch.int64}


@pytest.mark.parametrize(
    ("records", "given", "switch", "told"),
    [
        ([], {}, None, "there is no text"),
        ([Text("a", "stands"), Text("b", " ")], {}, None, "every text is shorter than two tokens"),
        (
            texts()[:1],
            {"objective": "contrastive"},
            switcher(),
            "there is one text only: --objective contrastive compares several",
        ),
        (
            [Text(f"t{n}", "the same text") for n in range(9)],
            {"objective": "both", "views": "crops"},
            None,
            "all texts are the same, or have the same id: --objective both has nothing to tell",
        ),
        (
            examples()[:1],
            {"objective": "contrastive", "views": "pairs"},
            None,
            "there is no example with a passage that answers",
        ),
        (
            examples()[:2],
            {"objective": "contrastive", "views": "pairs"},
            None,
            "there is one example only",
        ),
        (texts(), {"objective": "contrastive", "views": "pairs"}, None, "is a text alone"),
        (texts(), {"objective": "contrastive"}, None, "give --lexicon"),
        (texts(), {"mask_switched": True}, None, "give --lexicon"),
        (texts(), {}, switcher(0.0), "the lexicon replaces no word of the texts"),
        (texts(), {"token_budget": 7}, None, "a budget of 7 tokens has no room for a batch"),
        (texts(), {"max_length": 65}, None, "64 positions, fewer than --max-length 65"),
        (texts(), {"max_steps": 3}, None, "give one of them"),
    ],
)
def test_what_nothing_can_be_learnt_from_is_told(records, given, switch, told, settings, tmp_path):
    with pytest.raises(CstoolError, match=told):
        pretrain([records], tmp_path / "work", replace(settings, **given), switcher=switch)


@pytest.mark.parametrize("name", ["bert", "xlmr"])
def test_a_tokenizer_without_a_mask(name, request, settings, tmp_path):
    given = replace(settings, base=request.getfixturevalue(name))
    with pytest.raises(CstoolError, match="has no mask token, which --objective mlm needs"):
        pretrain([texts()], tmp_path / "work", given)
    given = replace(given, objective="contrastive")  # needs none
    _, account = pretrain([texts()], tmp_path / "other", given, switcher=switcher())
    assert account["tokens"] == 4000


def test_short_texts_are_left_out_and_counted(settings, tmp_path):
    records = [*texts(), Text("a", "stands"), Text("b", "")]
    _, account = pretrain([records], tmp_path / "work", settings)
    assert (account["texts_read"], account["texts"], account["short_texts"]) == (62, 60, 2)


def test_batches_without_negatives_cost_nothing_and_are_counted(settings, tmp_path):
    same = [Text("a", f"the {colour} house") for colour in COLOURS]
    given = replace(settings, objective="contrastive", batch_size=2, token_budget=2000)
    _, account = pretrain([[*same, texts()[0]]], tmp_path / "work", given, switcher=switcher())
    assert 0 < account["without_negatives"] < account["examples"]
    assert math.isfinite(account["last_loss"])


def test_a_loss_that_is_no_number_stops_the_run(settings, tmp_path):
    with pytest.raises(CstoolError, match="lower --learning-rate"):
        pretrain([texts()], tmp_path / "work", replace(settings, learning_rate=math.inf))


def test_embeddings_that_have_become_the_same_stop_the_run(base, settings, tmp_path):
    """An encoder whose last layer ends in a constant gives every text the same embedding."""
    folder = tmp_path / "constant"
    encoder = AutoModelForMaskedLM.from_pretrained(base)
    encoder.base_model.encoder.layer[-1].output.LayerNorm.weight.data.zero_()
    encoder.base_model.encoder.layer[-1].output.LayerNorm.bias.data.fill_(1.0)
    encoder.save_pretrained(folder)
    AutoTokenizer.from_pretrained(base).save_pretrained(folder)
    given = replace(
        settings, base=str(folder), objective="contrastive", views="crops", learning_rate=0.0
    )
    with pytest.raises(CstoolError, match="embeddings of all texts have become the same"):
        pretrain([texts()], tmp_path / "work", given)
    _, account = pretrain([texts()], tmp_path / "mlm", replace(given, objective="mlm"))
    assert account["after"]["uniformity"] == pytest.approx(0, abs=1e-5)  # told, but no error


def test_a_folder_that_loads_elsewhere(settings, tmp_path):
    encoder, _ = pretrain([texts()], tmp_path / "work", settings)
    encoder.save(tmp_path / "encoder", with_head=True, card={}, readme="")
    assert AutoModel.from_pretrained(tmp_path / "encoder").config.model_type == "xlm-roberta"
    whole = AutoModelForMaskedLM.from_pretrained(tmp_path / "encoder")
    assert all(torch.equal(t, weights(encoder)[n]) for n, t in whole.state_dict().items())
    assert (tmp_path / "encoder" / "model.safetensors").stat().st_mode & 0o044


def test_a_base_with_fewer_embeddings_than_tokens(base, settings, tmp_path):
    encoder = AutoModelForMaskedLM.from_pretrained(base)
    encoder.resize_token_embeddings(50)
    encoder.save_pretrained(tmp_path / "small")
    AutoTokenizer.from_pretrained(base).save_pretrained(tmp_path / "small")
    with pytest.raises(CstoolError, match="has 50 embeddings for 51 tokens"):
        pretrain([texts()], tmp_path / "work", replace(settings, base=str(tmp_path / "small")))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("{", "is no config.json of a model"),
        ("[]", "is no config.json of a model"),
        ('{"hidden_size": 3}', "model_type"),
        ('{"model_type": "nothing"}', "is no config.json of a model"),
        ('{"model_type": "bert", "hidden_size": 30, "num_attention_heads": 4}', "config.json: "),
        ('{"model_type": "vit"}', "config.json: "),
    ],
)
def test_a_wrong_configuration(content, told, base, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(content, encoding="utf-8")
    given = Pretraining(init_config=str(path), tokenizer=base, max_steps=1, device="cpu")
    with pytest.raises(CstoolError, match=told):
        pretrain([texts()], tmp_path / "work", given)
