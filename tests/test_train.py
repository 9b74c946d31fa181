import math
from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from cstool import losses
from cstool.codeswitch import Switcher
from cstool.crossencoder import CrossEncoder, PairEncoder
from cstool.errors import CstoolError
from cstool.lexicons.store import Table
from cstool.losses import TAUGHT
from cstool.records import Entry, Example
from cstool.settings import Training
from cstool.train import train
from cstool.training_data import Source

SETTINGS = Training(
    max_steps=12, batch_size=4, learning_rate=1e-3, max_length=32, save_steps=5, device="cpu"
)


def examples(count: int = 30) -> list[Example]:
    """Make examples that a model can learn: "paris" answers, "berlin" does not."""
    return [
        Example(f"q{i}", f"where is the {place}", f"p{i}", f"the {place} lies in {town}", label)
        for i in range(count)
        for place in (("river", "city", "house")[i % 3],)
        for town, label in ((("paris", 1), ("berlin", 0))[i % 2],)
    ]


def weights(model: CrossEncoder) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.model.state_dict().items()}


def test_the_papers_settings_are_the_defaults():
    paper = Training()
    assert (paper.max_steps, paper.batch_size, paper.learning_rate) == (200_000, 64, 2e-5)
    assert (paper.warmup_steps, paper.weight_decay, paper.LENGTH) == (5_000, 0.01, 512)


def test_steps_of_epochs():
    # 10 examples in batches of 4 are 3 steps; one and a half times through, 15 / 4 = 4.
    assert Training(epochs=1, batch_size=4).steps(10) == 3
    assert Training(epochs=1.5, batch_size=4).steps(10) == 4
    assert Training(epochs=0.001, batch_size=4).steps(10) == 1


@pytest.mark.parametrize("name", ["bert", "xlmr"])
def test_it_learns(name, request, tmp_path):
    settings = Training(
        max_steps=100, batch_size=8, learning_rate=3e-3, max_length=32, device="cpu"
    )
    losses = []
    model, account = train(
        [Source(examples())],
        request.getfixturevalue(name),
        tmp_path / "work",
        settings,
        on_step=lambda step, of, loss, *_: losses.append(loss),
    )
    assert account["warmup_steps"] == 10  # a tenth of the steps, not the paper's 5,000
    assert losses[1] > 0.5 > 0.2 > losses[-1]
    model.model.eval()
    yes, no = model.logits(
        [("where is the city", f"the city lies in {town}") for town in ("paris", "berlin")]
    )
    assert yes > 0 > no


def test_a_resumed_run_ends_with_the_same_weights(bert, tmp_path):
    whole, _ = train([Source(examples())], bert, tmp_path / "whole", SETTINGS)

    def stop(step: int, *_: object) -> None:
        if step == 8:
            raise KeyboardInterrupt

    work = tmp_path / "work"
    with pytest.raises(KeyboardInterrupt):
        train([Source(examples())], bert, work, SETTINGS, on_step=stop)
    steps = []
    resumed, _ = train(
        [Source(examples())],
        bert,
        work,
        SETTINGS,
        resume=True,
        on_step=lambda step, *_: steps.append(step),
    )
    assert steps == [6, 7, 8, 9, 10, 11, 12]
    for name, tensor in weights(whole).items():
        assert torch.equal(tensor, weights(resumed)[name]), name


def test_resuming_with_other_data_or_settings_is_refused(bert, tmp_path):
    train([Source(examples())], bert, tmp_path, SETTINGS)
    with pytest.raises(CstoolError, match="examples was 30, is 29"):
        train([Source(examples(29))], bert, tmp_path, SETTINGS, resume=True)
    other = Training(**{**vars(SETTINGS), "learning_rate": 2e-3})
    with pytest.raises(CstoolError, match=r"learning_rate was 0\.001, is 0\.002"):
        train([Source(examples())], bert, tmp_path, other, resume=True)


def test_same_seed_same_weights_other_seed_others(bert, tmp_path):
    first, _ = train([Source(examples())], bert, tmp_path / "1", SETTINGS)
    again, _ = train([Source(examples())], bert, tmp_path / "2", SETTINGS)
    other, _ = train(
        [Source(examples())], bert, tmp_path / "3", Training(**{**vars(SETTINGS), "seed": 2})
    )
    assert all(torch.equal(t, weights(again)[n]) for n, t in weights(first).items())
    assert not torch.equal(first.model.classifier.weight, other.model.classifier.weight)


def test_biases_and_layer_norms_do_not_decay(bert, tmp_path):
    # A learning rate of zero after the warm-up would hide it: look at the optimiser's groups.
    train([Source(examples())], bert, tmp_path, SETTINGS)
    state = torch.load(tmp_path / "checkpoint-10" / "optimizer.pt", weights_only=True)
    decays = {group["weight_decay"]: len(group["params"]) for group in state["param_groups"]}
    names = load_file(tmp_path / "checkpoint-10" / "model.safetensors")
    spared = sum(name.endswith("bias") or "LayerNorm" in name for name in names)
    assert decays == {0.01: len(names) - spared, 0.0: spared}


def test_a_loss_that_is_no_number_stops_the_run(bert, tmp_path):
    settings = Training(**{**vars(SETTINGS), "learning_rate": math.inf})
    with pytest.raises(CstoolError, match="--learning-rate"):
        train([Source(examples())], bert, tmp_path, settings)


def test_no_examples(bert, tmp_path):
    with pytest.raises(CstoolError, match="no training example"):
        train([Source([])], bert, tmp_path, SETTINGS)


def cosine(model: CrossEncoder, left: str, right: str) -> float:
    table = model.model.get_input_embeddings().weight
    vectors = [
        table[list(model.encoder.tokens(word, [(0, len(word))])[0])].mean(0)
        for word in (left, right)
    ]
    return torch.nn.functional.cosine_similarity(*vectors, dim=0).item()


def test_switched_words_come_near_to_those_they_replace(bert, tmp_path):
    # "lies" stands where "city" was; the ranking loss alone would not bring them together.
    record = Example("q", "where is it", "p", "the lies is here", 1)
    marked = replace(record, extra={"switched": {"passage": [[4, 8, "city"]]}})
    settings = replace(SETTINGS, max_steps=60, learning_rate=3e-2, align_words=True)
    begun = CrossEncoder.begin(bert, max_length=32, default=32)
    before = {word: cosine(begun, word, "city") for word in ("lies", "house")}
    model, _ = train([Source([marked] * 8)], bert, tmp_path / "work", settings)
    assert cosine(model, "lies", "city") > 0.9 > before["lies"] + 0.3
    table, old = (each.model.get_input_embeddings().weight for each in (model, begun))
    torch.testing.assert_close(table.norm(dim=1), old.norm(dim=1))  # they turn, and do not grow
    changed = (table - old).norm(dim=1) > 0.1 * old.norm(dim=1)
    assert changed.nonzero().flatten().tolist() == list(model.encoder.tokens("lies", [(0, 4)])[0])


def grouped(count: int = 30, copies: int = 1) -> list[Example]:
    """Make a positive and two negatives for each query, in versions if wanted."""
    return [
        Example(f"q{i}", "where is the city", f"{town}{i}", f"it lies in {town}", label, extra)
        for i in range(count)
        for town, label in (("paris", 1), ("berlin", 0), ("house", 0))
        for extra in ([{"copy": n} for n in range(copies)] if copies > 1 else [{}])
    ]


@pytest.mark.parametrize("loss", ["listwise", "ranknet", "margin-mse", "kl"])
def test_losses_that_compare_passages_learn_which_is_better(loss, bert, tmp_path):
    settings = replace(SETTINGS, max_steps=60, learning_rate=3e-3, loss=loss)
    taught = {(one.qid, one.pid): 4.0 * one.label - 1 for one in grouped()}
    teacher = taught if loss in TAUGHT else None
    model, account = train([Source(grouped())], bert, tmp_path / "work", settings, teacher=teacher)
    assert (account["examples"], account["groups"]) == (90, 30)
    yes, no = model.logits([("where is the city", f"it lies in {t}") for t in ("paris", "berlin")])
    assert yes - no > 1
    if loss == "margin-mse":  # the margins of the teacher are learnt, not only their signs
        assert yes - no == pytest.approx(4, abs=0.8)


def test_groups_keep_copies_apart(bert, tmp_path):
    sizes = []
    settings = replace(SETTINGS, max_steps=1, batch_size=2, loss="listwise")
    with pytest.MonkeyPatch.context() as patch:
        call = losses.listwise

        def noted(logits, targets):
            sizes.append(targets.groups.bincount().tolist())
            return call(logits, targets)

        patch.setitem(losses.LOSSES, "listwise", noted)
        _, account = train([Source(grouped(5, copies=2))], bert, tmp_path / "work", settings)
    assert account["groups"] == 10
    assert sizes == [[3, 3]]


@pytest.mark.parametrize(
    ("rows", "loss", "problem"),
    [
        (grouped(2)[:4], "listwise", "query q1 has no negative passage beside the others"),
        (grouped(2)[1:], "ranknet", "query q0 has no positive passage beside the others"),
        (grouped(2), "kl", "the loss kl learns from a teacher: give --teacher-scores"),
    ],
)
def test_what_a_loss_cannot_compare_is_told(rows, loss, problem, bert, tmp_path):
    with pytest.raises(CstoolError, match=problem):
        train([Source(rows)], bert, tmp_path / "work", replace(SETTINGS, loss=loss))


def test_an_example_that_the_teacher_does_not_know_is_told(bert, tmp_path):
    teacher = {("q0", "paris0"): 1.0}
    with pytest.raises(CstoolError, match="query q0 with passage berlin0 has no score"):
        train([Source(grouped())], bert, tmp_path, replace(SETTINGS, loss="kl"), teacher=teacher)


def switcher(ratio=0.5):
    known = [("river", "lies"), ("city", "house"), ("paris", "berlin")]
    table = Table.of(Entry(*pair) for pair in known)
    return Switcher({"de": table}, {"query": ("de",), "passage": ("de",)}, ratio, 1)


def seen(bert, tmp_path, settings, switcher):
    """Train, and give the texts that were tokenised, a list for each step."""
    batches = []
    encode = PairEncoder.encode

    def noted(self, pairs):
        batches.append(list(pairs))
        return encode(self, pairs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PairEncoder, "encode", noted)
        train([Source(examples(8))], bert, tmp_path, settings, switcher=switcher)
    return batches


def test_every_epoch_switches_anew(bert, tmp_path):
    settings = replace(SETTINGS, max_steps=6)  # 8 examples in batches of 4: three epochs
    batches = seen(bert, tmp_path / "a", settings, switcher())
    epochs = [sorted(batches[n] + batches[n + 1]) for n in (0, 2, 4)]
    assert len({str(epoch) for epoch in epochs}) == 3
    for number, epoch in enumerate(epochs):
        made = switcher().records(examples(8), epoch=number)
        assert epoch == sorted((new.query, new.passage) for new, _ in made)
    assert seen(bert, tmp_path / "b", settings, switcher()) == batches
    plain = seen(bert, tmp_path / "c", settings, None)
    assert sorted(plain[2] + plain[3]) == sorted((one.query, one.passage) for one in examples(8))


def test_switching_on_the_fly_goes_on_exactly_where_it_was(bert, tmp_path):
    whole, _ = train([Source(examples())], bert, tmp_path / "whole", SETTINGS, switcher=switcher())

    def stop(step: int, *_: object) -> None:
        if step == 8:
            raise KeyboardInterrupt

    work = tmp_path / "work"
    with pytest.raises(KeyboardInterrupt):
        train([Source(examples())], bert, work, SETTINGS, switcher=switcher(), on_step=stop)
    with pytest.raises(CstoolError, match="cannot be resumed: switching_sha256 was"):
        train([Source(examples())], bert, work, SETTINGS, switcher=switcher(0.6), resume=True)
    resumed, _ = train([Source(examples())], bert, work, SETTINGS, switcher=switcher(), resume=True)
    expected = weights(whole)
    assert all(torch.equal(expected[name], tensor) for name, tensor in weights(resumed).items())


def test_words_that_are_switched_on_the_fly_can_be_aligned(bert, tmp_path):
    settings = replace(SETTINGS, max_steps=150, learning_rate=1e-2, align_words=True)
    begun = CrossEncoder.begin(bert, max_length=32, default=32)
    known = [one for one in examples() if "paris" in one.passage]  # no original has "berlin"
    model, _ = train([Source(known)], bert, tmp_path / "work", settings, switcher=switcher())
    assert cosine(model, "berlin", "paris") > 0.9 > cosine(begun, "berlin", "paris") + 0.3


def test_words_that_originals_have_are_not_drawn_to_others(bert, tmp_path):
    settings = replace(SETTINGS, max_steps=20, learning_rate=1e-2, align_words=True)
    begun = CrossEncoder.begin(bert, max_length=32, default=32)
    model, _ = train([Source(examples())], bert, tmp_path / "work", settings, switcher=switcher())
    before, after = (each.model.get_input_embeddings().weight for each in (begun, model))
    torch.testing.assert_close(after, before, rtol=0, atol=1e-6)  # "berlin", "lies", "house" too


def test_examples_that_say_nothing_of_replacements_cannot_be_aligned(bert, tmp_path):
    with pytest.raises(CstoolError, match="use codeswitch --mark"):
        train([Source(examples())], bert, tmp_path / "work", replace(SETTINGS, align_words=True))
