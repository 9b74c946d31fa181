import json
import math
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel

from cstool.codeswitch import Switcher
from cstool.crossencoder import CrossEncoder, PairEncoder
from cstool.errors import CstoolError
from cstool.lexicons.store import Table
from cstool.records import Entry, Example
from cstool.settings import Training
from cstool.train import train
from cstool.training import losses
from cstool.training.data import Source
from cstool.training.losses import TAUGHT
from cstool.training.validation import Validation

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
    # 10 examples in batches of 4 are 3 steps, and half of the next round is 2 of its 3.
    assert Training(epochs=1, batch_size=4).steps(10) == 3
    assert Training(epochs=1.5, batch_size=4).steps(10) == 5
    # Of several sources there are no rounds: 15 / 4 steps.
    assert Training(epochs=1.5, batch_size=4).steps(10, sources=2) == 4
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
    base = tmp_path / "base"
    shutil.copytree(bert, base)
    train([Source(examples())], str(base), tmp_path / "work", SETTINGS)
    encoder = AutoModel.from_pretrained(base)
    with torch.no_grad():
        next(encoder.parameters()).add_(1)
    encoder.save_pretrained(base)
    with pytest.raises(CstoolError, match="cannot be resumed: base_digest was"):
        train([Source(examples())], str(base), tmp_path / "work", SETTINGS, resume=True)
    (tmp_path / "plan.json").unlink()
    with pytest.raises(CstoolError, match=r"cannot be resumed: its plan\.json is gone"):
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


def test_no_checkpoint_has_seen_a_loss_that_is_no_number(bert, tmp_path, monkeypatch):
    """Losses are reported a hundred times in a run, which may be less often than it is saved."""
    monkeypatch.setattr("cstool.training.trainer._REPORTS", 1)
    settings = Training(**{**vars(SETTINGS), "learning_rate": math.inf})
    with pytest.raises(CstoolError, match="at step 5: lower --learning-rate"):
        train([Source(examples())], bert, tmp_path, settings)
    assert not list(tmp_path.glob("checkpoint-*"))


def test_every_example_is_seen_in_every_epoch(bert, tmp_path):
    seen = []
    settings = replace(SETTINGS, epochs=3, batch_size=7)
    train(
        [Source(examples())],
        bert,
        tmp_path,
        settings,
        on_step=lambda step, of, loss, examples, memory: seen.append((step, of, examples)),
    )
    assert seen[-1] == (15, 15, 90)


def test_a_resumed_run_accounts_for_all_steps(bert, tmp_path):
    short = replace(SETTINGS, max_length=8)
    _, whole = train([Source(examples())], bert, tmp_path / "whole", short)
    assert whole["truncated_passages"] > 12
    interrupted(lambda: [Source(examples())], bert, tmp_path / "work", short, at=8)
    _, resumed = train([Source(examples())], bert, tmp_path / "work", short, resume=True)
    assert resumed == whole
    # And of one that had only to be written.
    _, again = train([Source(examples())], bert, tmp_path / "work", short, resume=True)
    assert again == whole


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
        ([replace(one, label=0.0) for one in grouped(1)], "listwise", "has no positive passage"),
        (grouped(2), "kl", "the loss kl learns from a teacher: give --teacher-scores"),
    ],
)
def test_what_a_loss_cannot_compare_is_told(rows, loss, problem, bert, tmp_path):
    with pytest.raises(CstoolError, match=problem):
        train([Source(rows)], bert, tmp_path / "work", replace(SETTINGS, loss=loss))


def test_kl_needs_passages_to_compare_and_no_labels(bert, tmp_path):
    unlabelled = [replace(one, label=0.0) for one in grouped(4)]
    teacher = {(one.qid, one.pid): float(i) for i, one in enumerate(unlabelled)}
    settings = replace(SETTINGS, max_steps=2, loss="kl")
    _, account = train([Source(unlabelled)], bert, tmp_path / "a", settings, teacher=teacher)
    assert account["mean_loss"] > 0
    with pytest.raises(CstoolError, match="query q3 has one passage: the loss kl compares several"):
        train([Source(unlabelled[:10])], bert, tmp_path / "b", settings, teacher=teacher)


def test_scores_of_a_teacher_that_nobody_asks_for_are_left_alone(bert, tmp_path):
    some = [replace(one, extra={"teacher_score": "high"}) for one in examples(15)]
    plain, _ = train([Source(examples())], bert, tmp_path / "a", SETTINGS)
    mixed, _ = train([Source([*some, *examples()[15:]])], bert, tmp_path / "b", SETTINGS)
    assert same(plain, mixed)


@pytest.mark.parametrize(
    "extra",
    [
        {"copy": [1]},
        {"switched": True},
        {"switched": {"query": [[0, 1]]}},
        {"switched": {"query": [[0, "1", "word"]]}},
    ],
)
def test_keys_that_mean_something_else_are_told(extra, bert, tmp_path):
    wrong = [*examples()[:-1], replace(examples()[-1], extra=extra)]
    told = f'query q29 with passage p29: "{next(iter(extra))}" is not what codeswitch writes there'
    with pytest.raises(CstoolError, match=told):
        train([Source(wrong)], bert, tmp_path, SETTINGS)


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


def same(left: CrossEncoder, right: CrossEncoder) -> bool:
    one, other = weights(left), weights(right)
    return all(torch.equal(one[name], other[name]) for name in one)


def interrupted(sources, bert, work, settings, at, **options):
    """Train until a step, and then as if it had been killed."""

    def stop(step: int, *_: object) -> None:
        if step == at:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(sources(), bert, work, settings, on_step=stop, **options)


def two_sources():
    return [Source(examples(10), 1), Source(examples(30), 3)]


def test_a_run_on_several_sources_goes_on_exactly(bert, tmp_path):
    whole, account = train(two_sources(), bert, tmp_path / "whole", SETTINGS)
    assert account["sources"] == [{"weight": 1, "groups": 10}, {"weight": 3, "groups": 30}]
    interrupted(two_sources, bert, tmp_path / "work", SETTINGS, at=8)
    with pytest.raises(CstoolError, match="cannot be resumed: sources was"):
        other = [Source(examples(10), 2), Source(examples(30), 3)]
        train(other, bert, tmp_path / "work", SETTINGS, resume=True)
    resumed, _ = train(two_sources(), bert, tmp_path / "work", SETTINGS, resume=True)
    assert same(whole, resumed)


def test_a_source_without_examples_is_told(bert, tmp_path):
    with pytest.raises(CstoolError, match="no training example in source 2"):
        train([Source(examples()), Source([])], bert, tmp_path, SETTINGS)


def still(model_folder, tmp_path):
    """Give a copy of an encoder without dropout, so that rounding alone is left to differ."""
    folder = tmp_path / "still"
    shutil.copytree(model_folder, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return str(folder)


def gradients(work) -> dict[int, torch.Tensor]:
    """Read the gradients of the first step: Adam's first moment is a tenth of them."""
    state = torch.load(work / "checkpoint-1" / "optimizer.pt", weights_only=True)
    return {number: 10 * one["exp_avg"] for number, one in state["state"].items()}


def agree(left, right) -> bool:
    assert left.keys() == right.keys()
    assert sum(float(tensor.norm() ** 2) for tensor in left.values()) > 0.01
    return all(torch.allclose(left[n], right[n], atol=1e-5) for n in left)


@pytest.mark.parametrize("loss", ["binary", "listwise", "ranknet", "kl", "ddro"])
def test_the_gradients_of_parts_add_up_to_that_of_the_batch(loss, bert, tmp_path):
    """A budget changes how much is computed at once, and nothing else."""
    base = still(bert, tmp_path)
    rows = [replace(one, query=one.query * (1 + i % 3)) for i, one in enumerate(grouped(8))]
    teacher = {(one.qid, one.pid): 0.3 * one.label for one in rows} if loss in TAUGHT else None
    settings = replace(SETTINGS, max_steps=1, save_steps=1, loss=loss, max_length=64)
    found = []
    for budget in (40, 10_000):
        work = tmp_path / str(budget)
        given = replace(settings, token_budget=budget)
        train([Source(rows)], base, work, given, teacher=teacher)
        found.append(gradients(work))
    assert agree(*found)


def test_what_is_computed_twice_has_the_same_gradient(bert, tmp_path):
    plain, _ = train([Source(examples())], bert, tmp_path / "1", SETTINGS)
    twice = replace(SETTINGS, checkpointing=True)
    checkpointed, _ = train([Source(examples())], bert, tmp_path / "2", twice)
    assert same(plain, checkpointed)


def apart(model: CrossEncoder) -> float:
    """Measure how far the scores of switched passages are from those of the originals."""
    model.model.eval()
    pairs = [
        [("where is the city", text) for text in ("the city lies in paris", "it is in berlin")],
        [("where is the city", text) for text in ("the house lies in paris", "lies is in berlin")],
    ]
    one, other = map(model.logits, pairs)
    return sum(abs(a - b) for a, b in zip(one, other, strict=True))


def test_the_scores_of_both_versions_of_a_pair_come_near_to_each_other(bert, tmp_path):
    settings = replace(SETTINGS, max_steps=60, learning_rate=2e-3)
    made = [
        train(
            [Source(examples())],
            bert,
            tmp_path / str(weight),
            replace(settings, align_weight=weight),
            switcher=switcher(),
        )[0]
        for weight in (0, 3)
    ]
    free, aligned = map(apart, made)
    assert aligned < 0.5 * free


def test_marked_examples_are_aligned_without_a_switcher(bert, tmp_path):
    marks = {"switched": {"passage": [[4, 9, "river"]], "query": []}}
    rows = [replace(one, passage="the house lies", extra=marks) for one in examples()]
    settings = replace(SETTINGS, align_weight=1.0, token_budget=60)
    _, account = train([Source(rows)], bert, tmp_path / "work", settings)
    assert account["max_steps"] == 12
    with pytest.raises(CstoolError, match="use codeswitch --mark"):
        train([Source(examples())], bert, tmp_path / "other", settings)


def task(by="mrr@10"):
    return Validation(grouped(6), "binary", by)


def test_the_best_weights_are_kept_and_stay_kept_over_a_resumption(bert, tmp_path):
    # Validated after every second step, with checkpoints at steps that are no validations.
    settings = replace(SETTINGS, validate_steps=2, validate_by="loss", learning_rate=1e-2)
    seen = []
    with pytest.MonkeyPatch.context() as patch:
        measure = Validation.measure

        def noted(self, model):
            values = measure(self, model)
            seen.append((values["loss"], weights(model)))
            return values

        patch.setattr(Validation, "measure", noted)
        best, account = train(
            [Source(examples())], bert, tmp_path / "1", settings, validation=task("loss")
        )
    values = account["validation"]
    assert [row["step"] for row in values] == [2, 4, 6, 8, 10, 12]
    lowest = min(range(6), key=lambda i: seen[i][0])
    assert account["kept_step"] == 2 * lowest + 2
    assert all(torch.equal(seen[lowest][1][name], t) for name, t in weights(best).items())
    last, account = train(
        [Source(examples())],
        bert,
        tmp_path / "2",
        replace(settings, keep="last"),
        validation=task("loss"),
    )
    assert account["kept_step"] == 12
    assert all(torch.equal(seen[-1][1][name], t) for name, t in weights(last).items())

    def one():
        return [Source(examples())]

    for at in (7, 11):
        work = tmp_path / f"at {at}"
        interrupted(one, bert, work, settings, at=at, validation=task("loss"))
        resumed, account = train(one(), bert, work, settings, validation=task("loss"), resume=True)
        assert account["validation"] == values
        assert same(best, resumed)


def test_validating_does_not_change_what_is_trained(bert, tmp_path):
    plain, _ = train([Source(examples())], bert, tmp_path / "1", SETTINGS)
    settings = replace(SETTINGS, validate_steps=2, keep="last")
    validated, _ = train([Source(examples())], bert, tmp_path / "2", settings, validation=task())
    assert same(plain, validated)


def test_scores_that_collapse_stop_the_run(bert, tmp_path):
    settings = replace(SETTINGS, max_steps=200, learning_rate=1.0)
    with pytest.raises(CstoolError, match="all passages get the same score"):
        train([Source(examples())], bert, tmp_path, settings)


def test_a_run_that_learns_slowly_is_not_taken_for_one_that_has_collapsed(bert, tmp_path):
    # So low a learning rate that the scores stay those of an untrained classifier.
    settings = replace(SETTINGS, max_steps=100, learning_rate=1e-8)
    _, account = train([Source(examples())], bert, tmp_path, settings)
    assert account["mean_loss"] > 0.5


def test_a_checkpoint_that_was_not_written_to_its_end_is_not_gone_on_from(bert, tmp_path):
    whole, _ = train([Source(examples())], bert, tmp_path / "whole", SETTINGS)
    work = tmp_path / "work"

    def one():
        return [Source(examples())]

    interrupted(one, bert, work, SETTINGS, at=8)
    broken = work / "checkpoint-7"
    shutil.copytree(work / "checkpoint-5", broken)
    (broken / "whole.json").unlink()
    (broken / "optimizer.pt").write_bytes(b"half")
    resumed, _ = train(one(), bert, work, SETTINGS, resume=True)
    assert same(whole, resumed)


SCRIPT = """
import resource, sys
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_train import SETTINGS, examples
from cstool.errors import CstoolError
from cstool.train import train
from cstool.training.data import Source

full = len(sys.argv) > 3
if full:  # a file may not grow beyond: there is room for the weights, not for the optimiser
    limit = int(sys.argv[3])
    def stop(step, *_):
        if step == 8:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
else:
    def stop(step, *_):
        pass
try:
    work = Path(sys.argv[2])
    data = [Source(examples())]
    model, _ = train(data, sys.argv[1], work, SETTINGS, resume=not full, on_step=stop)
except CstoolError as error:
    sys.exit(str(error))
model.save(work / "model", {{}})
"""


def run_script(*args, launcher=(), script=SCRIPT):
    code = script.format(tests=str(Path(__file__).parent))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *launcher, "-c", code, *map(str, args)],
        capture_output=True,
        text=True,
        env=environment,
    )


def test_a_full_disk_at_a_checkpoint_is_told_and_nothing_is_lost(bert, tmp_path):
    whole, _ = train([Source(examples())], bert, tmp_path / "whole", SETTINGS)
    work = tmp_path / "work"
    size = (tmp_path / "whole" / "checkpoint-10" / "model.safetensors").stat().st_size
    done = run_script(bert, work, size + 4096)
    assert done.returncode == 1, done.stderr
    assert "the checkpoint of step 10 cannot be written" in done.stderr
    assert "--resume goes on from step 5" in done.stderr
    assert [path.name for path in work.glob("checkpoint-*")] == ["checkpoint-5"]
    done = run_script(bert, work)
    assert done.returncode == 0, done.stderr
    resumed = load_file(work / "model" / "model.safetensors")
    assert all(torch.equal(resumed[name], tensor) for name, tensor in weights(whole).items())


def too_long(count: int) -> list[Example]:
    """Make groups whose passages are cut at 13 tokens."""
    return [replace(one, passage=f"{one.passage} on the river") for one in grouped(count)]


SHARED = """
import json, os, sys
from dataclasses import replace
from pathlib import Path
import torch
sys.path[:0] = [{tests!r}, os.path.dirname({tests!r})]
from test_train import SETTINGS, task, too_long
from cstool import processes
from cstool.train import train
from cstool.training.data import Source

settings = replace(
    SETTINGS, max_steps=int(sys.argv[3]), save_steps=1, batch_size=5, loss="ranknet",
    validate_steps=1, max_length=13,
)
data = [Source(too_long(11))] if processes.rank() == 0 else []  # nobody else reads them

def die(step, *rest):
    if sys.argv[4:] == ["killed"] and step == 2:
        os._exit(1)

model, account = train(
    data, sys.argv[1], Path(sys.argv[2]), settings, validation=task(),
    resume=sys.argv[4:] == ["resume"], on_step=die,
)
torch.save(model.model.state_dict(), Path(sys.argv[2]) / f"{{processes.rank()}}.pt")
told = [account[name] for name in ("mean_loss", "truncated_passages", "truncated_queries")]
(Path(sys.argv[2]) / f"{{processes.rank()}}.json").write_text(json.dumps(told))
processes.leave()
"""


def torchrun(*args, ends=0):
    """Run two processes on the CPU that share every batch."""
    script = SHARED.format(tests=str(Path(__file__).parent))
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    path = args[1].parent / "shared.py"
    path.write_text(script, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, *launcher, path, *map(str, args)],
        capture_output=True,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == ends, done.stderr


def test_two_processes_that_were_killed_go_on_as_if_nothing_had_been(bert, tmp_path):
    torchrun(bert, tmp_path / "whole", 3)
    torchrun(bert, tmp_path / "killed", 3, "killed", ends=1)
    assert not (tmp_path / "killed" / "0.pt").exists()
    torchrun(bert, tmp_path / "killed", 3, "resume")
    for rank in "01":
        whole, resumed = (
            torch.load(tmp_path / name / f"{rank}.pt", weights_only=True)
            for name in ("whole", "killed")
        )
        assert all(torch.equal(resumed[name], tensor) for name, tensor in whole.items())
        whole, resumed = (
            json.loads((tmp_path / name / f"{rank}.json").read_text())
            for name in ("whole", "killed")
        )
        assert resumed == pytest.approx(whole)


def test_two_processes_train_one_model_as_one_process_does(bert, tmp_path):
    base = still(bert, tmp_path)
    torchrun(base, tmp_path / "two", 3)
    models = [torch.load(tmp_path / "two" / f"{n}.pt", weights_only=True) for n in "01"]
    assert all(torch.equal(models[0][name], models[1][name]) for name in models[0])
    # Of the last batch of a round, a single group, one of the two computes nothing.
    assert not (tmp_path / "two" / "checkpoint-1").exists()  # two checkpoints stay
    shutil.rmtree(tmp_path / "two")
    torchrun(base, tmp_path / "two", 1)
    settings = replace(
        SETTINGS, max_steps=1, save_steps=1, batch_size=5, loss="ranknet", max_length=13
    )
    _, account = train([Source(too_long(11))], base, tmp_path / "first", settings)
    told = json.loads((tmp_path / "two" / "0.json").read_text())
    assert told[0] == pytest.approx(account["mean_loss"], abs=1e-5)
    assert told[1:] == [account["truncated_passages"], account["truncated_queries"]]
    assert told[1] == 15
    assert agree(gradients(tmp_path / "two"), gradients(tmp_path / "first"))
