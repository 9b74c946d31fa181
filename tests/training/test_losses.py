import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cstool.training import losses
from cstool.training.losses import Targets


def targets(labels, groups=None, teacher=None):
    groups = [0] * len(labels) if groups is None else groups
    taught = None if teacher is None else torch.tensor(teacher)
    return Targets(torch.tensor(labels), torch.tensor(groups), taught)


def test_binary_cross_entropy_by_hand():
    # -log sigmoid(0) = log 2 for either label; -log(1 - sigmoid(log 3)) = log 4.
    logits = torch.tensor([0.0, math.log(3)])
    expected = (math.log(2) + math.log(4)) / 2
    assert losses.binary(logits, targets([1.0, 0.0])).item() == pytest.approx(expected, rel=1e-6)


def test_half_precision_logits_are_computed_in_float32():
    loss = losses.binary(torch.tensor([20.0], dtype=torch.float16), targets([1.0]))
    assert loss.dtype == torch.float32
    assert 0 < loss.item() < 1e-8


def test_listwise_by_hand():
    # softmax of (log 3, 0) is (3/4, 1/4); of three zeros, a third each.
    logits = torch.tensor([math.log(3), 0.0, 0.0, 0.0, 0.0])
    wanted = targets([1.0, 0, 0, 1, 0], [0, 0, 1, 1, 1])
    expected = (-math.log(3 / 4) + math.log(3)) / 2
    assert losses.listwise(logits, wanted).item() == pytest.approx(expected)


def test_several_positives_share_what_is_wanted():
    loss = losses.listwise(torch.tensor([math.log(2), 0.0, 0.0]), targets([1.0, 1, 0]))
    assert loss.item() == pytest.approx((-math.log(1 / 2) - math.log(1 / 4)) / 2)


def test_ranknet_by_hand():
    # Pairs: (positive, negative) of the first group, log 2; of the second, sigmoid(log 3) = 3/4.
    logits = torch.tensor([0.0, 0.0, 0.0, math.log(3)])
    loss = losses.ranknet(logits, targets([1.0, 0, 0, 1], [0, 0, 1, 1]))
    assert loss.item() == pytest.approx((math.log(2) - math.log(3 / 4)) / 2)


def test_margin_mse_by_hand():
    # Margins 2 and 3 of the student, 1 and 5 of the teacher.
    logits = torch.tensor([2.0, 0.0, -1.0])
    loss = losses.margin_mse(logits, targets([1.0, 0, 0], teacher=[5.0, 4.0, 0.0]))
    assert loss.item() == pytest.approx((1 + 4) / 2)


def test_kl_by_hand():
    # Teacher (3/4, 1/4), student (1/2, 1/2); the second group agrees but for a constant.
    logits = torch.tensor([0.0, 0.0, 1.0, 2.0])
    taught = targets([1.0, 0, 1, 0], [0, 0, 1, 1], [math.log(3), 0.0, 11.0, 12.0])
    divergence = 3 / 4 * math.log(3 / 2) + 1 / 4 * math.log(1 / 2)
    assert losses.kl(logits, taught).item() == pytest.approx(divergence / 2)


groups = st.lists(st.integers(2, 6), min_size=1, max_size=5)


@given(groups, st.sampled_from(sorted(losses.GROUPED)), st.integers(0, 1000))
def test_a_group_does_not_depend_on_the_others(sizes, name, seed):
    """The gradient is that of every group computed alone, with the share that it has."""
    generator = torch.Generator().manual_seed(seed)
    total = sum(sizes)
    logits, teacher = (torch.randn(total, generator=generator) for _ in range(2))
    labels = torch.cat([torch.eye(size)[0] for size in sizes])
    numbers = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    together = logits.clone().requires_grad_()
    losses.LOSSES[name](together, Targets(labels, numbers, teacher)).backward()
    shares = [1 if name in ("listwise", "kl") else size - 1 for size in sizes]
    assert losses.units(name, Targets(labels, numbers)) == sum(shares)
    for part, share in zip(numbers.unique().tolist(), shares, strict=True):
        own = numbers == part
        alone = logits[own].clone().requires_grad_()
        zeros = torch.zeros(int(own.sum()), dtype=torch.long)
        losses.LOSSES[name](alone, Targets(labels[own], zeros, teacher[own])).backward()
        expected = alone.grad * share / sum(shares)
        assert torch.allclose(together.grad[own], expected, atol=1e-6)


def test_aligned_is_the_cosine_distance_by_hand():
    # (1, 0) and (1, 1) stand at 45 degrees, (0, 2) and (0, -1) look away from each other.
    switched = torch.tensor([[1.0, 0.0], [0.0, 2.0]], requires_grad=True)
    originals = torch.tensor([[1.0, 1.0], [0.0, -1.0]], requires_grad=True)
    loss = losses.aligned(switched, originals)
    assert loss.item() == pytest.approx(((1 - math.sqrt(0.5)) + 2) / 2)
    loss.backward()
    assert switched.grad.abs().sum() > 0
    assert originals.grad is None


def test_ddro_by_hand():
    # The margin grew from 1 to 3 and from 4 to 3: -log sigmoid(2 * 2) and -log sigmoid(2 * -1).
    logits = torch.tensor([3.0, 0.0, 0.0])
    known = targets([1.0, 0, 0], teacher=[1.0, 0.0, -3.0])
    doubled = Targets(known.labels, known.groups, known.teacher, beta=2.0)
    expected = (math.log1p(math.exp(-4)) + math.log1p(math.exp(2))) / 2
    assert losses.ddro(logits, doubled).item() == pytest.approx(expected)


def test_ddro_with_a_constant_reference_is_ranknet():
    logits = torch.tensor([0.3, -1.2, 2.0, 0.5, 0.1])
    labels, numbers = [1.0, 0, 0, 1, 0], [0, 0, 1, 1, 1]
    same = losses.ddro(logits, targets(labels, numbers, teacher=[7.0] * 5))
    # Pairs: 0.3 over -1.2; 0.5 over 2.0 and over 0.1.
    pairs = [1.5, -1.5, 0.4]
    expected = sum(math.log1p(math.exp(-margin)) for margin in pairs) / 3
    assert same.item() == pytest.approx(expected)
    assert same.item() == losses.ranknet(logits, targets(labels, numbers)).item()


def test_consistent_by_hand():
    loss = losses.consistent(torch.tensor([1.0, -2.0]), torch.tensor([3.0, -2.0]))
    assert loss.item() == pytest.approx((4 + 0) / 2)
