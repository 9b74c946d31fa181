import math

import pytest
import torch

from cstool.pretraining.objectives import alignment, info_nce, masked_lm, pooled, uniformity

LEFT = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
RIGHT = torch.tensor([[2.0, 0.0], [0.6, 0.8]])  # the first is not a unit vector
NONE = torch.eye(2, dtype=torch.bool)


def test_info_nce_by_hand():
    # Cosines: rows (1, 0.6) and (0, 0.8).
    e = math.exp
    rows = [math.log(e(1) + e(0.6)) - 1, math.log(e(0) + e(0.8)) - 0.8]
    columns = [math.log(e(1) + e(0)) - 1, math.log(e(0.6) + e(0.8)) - 0.8]
    expected = sum(rows) / 4 + sum(columns) / 4
    assert info_nce(LEFT, RIGHT, NONE, 1.0).item() == pytest.approx(expected, abs=1e-6)


def test_the_temperature_divides_the_cosines():
    e = math.exp
    rows = [math.log(e(10) + e(6)) - 10, math.log(e(0) + e(8)) - 8]
    columns = [math.log(e(10) + e(0)) - 10, math.log(e(6) + e(8)) - 8]
    expected = sum(rows) / 4 + sum(columns) / 4
    assert info_nce(LEFT, RIGHT, NONE, 0.1).item() == pytest.approx(expected, abs=1e-6)


def test_what_is_related_is_no_negative():
    """With the second and third related, each has the first as its only negative."""
    left = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    related = torch.eye(3, dtype=torch.bool)
    related[1, 2] = related[2, 1] = True
    # The pair of the first has cosine 1 and two negatives of cosine 0, the others one.
    expected = (math.log(math.e + 2) - 1 + 2 * (math.log(math.e + 1) - 1)) / 3
    assert info_nce(left, left, related, 1.0).item() == pytest.approx(expected, abs=1e-6)
    everything = torch.ones(3, 3, dtype=torch.bool)
    assert info_nce(left, left, everything, 1.0).item() == 0


def test_masked_lm_is_the_sum_of_negative_logarithms():
    logits = torch.tensor([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]]).log()
    loss = masked_lm(logits, torch.tensor([0, 1]))
    assert loss.item() == pytest.approx(math.log(2) + math.log(10))


def test_the_mean_is_over_what_is_no_padding():
    states = torch.tensor([[[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]])
    assert pooled(states, torch.tensor([[1, 1, 0]])).tolist() == [[2.0, 3.0]]


def test_alignment_and_uniformity_by_hand():
    # Squared distances: 2 between orthogonal unit vectors, 4 between opposite ones.
    three = torch.tensor([[3.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    expected = math.log((2 * math.exp(-4) + math.exp(-8)) / 3)
    assert uniformity(three) == pytest.approx(expected, abs=1e-6)
    assert uniformity(torch.ones(4, 3)) == pytest.approx(0)
    # 1 + 1 - 2 * 0.8 = 0.4 for the second pair, nothing for the first.
    assert alignment(LEFT, RIGHT) == pytest.approx(0.2, abs=1e-6)
