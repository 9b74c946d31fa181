import math

import pytest

from cstool.errors import CstoolError
from cstool.records import Example
from cstool.training.validation import Validation


class Model:
    """Gives the scores that stand in the passages."""

    def __init__(self):
        self.model = self
        self.evaluated = False

    def eval(self):
        self.evaluated = True

    def logits(self, pairs):
        assert self.evaluated  # dropout would make every value another one
        return [float(passage) for _, passage in pairs]


def example(qid, pid, score, label, **extra):
    return Example(qid, "?", pid, str(score), label, extra)


def test_mrr_and_loss_by_hand():
    rows = [
        example("q1", "a", 1.0, 1),  # second of three: 1/2
        example("q1", "b", 2.0, 0),
        example("q1", "c", 0.0, 0),
        example("q2", "b", 0.0, 1),  # the same score as a, whose id comes first: 1/2
        example("q2", "a", 0.0, 0),
        example("q3", "a", 9.0, 1),  # nothing to rank it against
    ]
    values = Validation(rows, "binary").measure(Model())
    assert values["mrr@10"] == pytest.approx((1 / 2 + 1 / 2) / 2)
    wrong = [-1.0, 2.0, 0.0, 0.0, 0.0, -9.0]  # logits, turned round where the label is 1
    expected = sum(math.log1p(math.exp(logit)) for logit in wrong) / 6
    assert values["loss"] == pytest.approx(expected)


def test_an_answer_below_ten_counts_nothing():
    rows = [example("q", "z", 0.0, 1)] + [example("q", f"n{i}", 1.0, 0) for i in range(10)]
    assert Validation(rows, "binary").measure(Model())["mrr@10"] == 0
    assert Validation(rows[:-1], "binary").measure(Model())["mrr@10"] == pytest.approx(1 / 10)


def test_copies_of_a_query_are_ranked_apart():
    rows = [example("q", "a", 1.0, 1, copy=1), example("q", "b", 0.0, 0, copy=1)]
    rows += [example("q", "a", 0.0, 1, copy=2), example("q", "b", 1.0, 0, copy=2)]
    assert Validation(rows, "binary").measure(Model())["mrr@10"] == pytest.approx((1 + 1 / 2) / 2)


def test_the_loss_of_groups_is_weighted_by_what_it_is_the_mean_over():
    # 100 groups of one pair each, which are computed in two portions: log(1 + e^-1) each.
    rows = [
        example(f"q{i}", pid, score, label)
        for i in range(100)
        for pid, score, label in (("a", 1.0, 1), ("b", 0.0, 0))
    ]
    values = Validation(rows, "ranknet").measure(Model())
    assert values["loss"] == pytest.approx(math.log1p(math.exp(-1)))


def test_what_cannot_be_measured_is_told():
    with pytest.raises(CstoolError, match="no example to validate on"):
        Validation([], "binary")
    alone = [example("q", "a", 1.0, 1)]
    with pytest.raises(CstoolError, match="--validate-by loss"):
        Validation(alone, "binary")
    assert set(Validation(alone, "binary", by="loss").measure(Model())) == {"loss"}
    with pytest.raises(CstoolError, match="query q has no negative passage"):
        Validation(alone, "listwise", by="loss")
