import math

import pytest
import torch

from cstool import losses


def test_binary_cross_entropy_by_hand():
    # -log sigmoid(0) = log 2 for either label; -log(1 - sigmoid(log 3)) = log 4.
    logits = torch.tensor([0.0, math.log(3)])
    labels = torch.tensor([1.0, 0.0])
    expected = (math.log(2) + math.log(4)) / 2
    assert losses.binary(logits, labels).item() == pytest.approx(expected, rel=1e-6)


def test_half_precision_logits_are_computed_in_float32():
    loss = losses.binary(torch.tensor([20.0], dtype=torch.float16), torch.tensor([1.0]))
    assert loss.dtype == torch.float32
    assert 0 < loss.item() < 1e-8


def test_aligned_is_the_cosine_distance_by_hand():
    # (1, 0) and (1, 1) stand at 45 degrees, (0, 2) and (0, -1) look away from each other.
    switched = torch.tensor([[1.0, 0.0], [0.0, 2.0]], requires_grad=True)
    originals = torch.tensor([[1.0, 1.0], [0.0, -1.0]], requires_grad=True)
    loss = losses.aligned(switched, originals)
    assert loss.item() == pytest.approx(((1 - math.sqrt(0.5)) + 2) / 2)
    loss.backward()
    assert switched.grad.abs().sum() > 0
    assert originals.grad is None
