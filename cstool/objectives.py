"""What an encoder is pre-trained to minimise, and how good its embeddings are: plain functions.

Embeddings are compared by their cosine; all of it is computed in float32.
"""

import torch
from torch import Tensor
from torch.nn import functional


def pooled(states: Tensor, mask: Tensor) -> Tensor:
    """Give the mean (n, d) of the states (n, length, d) of the tokens that `mask` (n, length) has.

    The special tokens count as well, as in Contriever (Izacard et al. 2022, arXiv 2112.09118).
    """
    weights = mask.to(states).unsqueeze(-1)
    return (states * weights).sum(1) / weights.sum(1)


def info_nce(left: Tensor, right: Tensor, related: Tensor, temperature: float) -> Tensor:
    """Give the InfoNCE loss of pairs (left[i], right[i]), both (n, d), as a mean over both sides.

    From left to right it is the mean over i of -log(exp(s_ii / t) / sum over j of exp(s_ij / t)),
    s the cosine (van den Oord et al. 2018, arXiv 1807.03748, equation 4), j being i and all that
    `related` (n, n) does not say belong to i as well; from right to left the same with s_ji (as
    Zhang et al. 2020, arXiv 2010.00747, equations 2 to 4). A pair without negatives costs 0.
    """
    scores = _unit(left) @ _unit(right).T / temperature
    other = ~torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    scores = scores.masked_fill(related.to(scores.device) & other, -torch.inf)
    wanted = torch.arange(len(scores), device=scores.device)
    return (
        functional.cross_entropy(scores, wanted) + functional.cross_entropy(scores.T, wanted)
    ) / 2


def masked_lm(logits: Tensor, labels: Tensor) -> Tensor:
    """Give the cross-entropy of the masked tokens: logits (m, vocabulary), labels (m,), as a sum.

    Devlin et al. 2019 (arXiv 1810.04805, section 3.1).
    """
    return functional.cross_entropy(logits.float(), labels, reduction="sum")


def alignment(left: Tensor, right: Tensor) -> float:
    """Give the mean squared distance of unit vectors (n, d) that belong together: 0 is best.

    Wang and Isola 2020 (arXiv 2005.10242, section 4.1.1, with the exponent 2).
    """
    return float((_unit(left) - _unit(right)).pow(2).sum(1).mean())


def uniformity(embeddings: Tensor) -> float:
    """Give log mean exp(-2 d^2) over the pairs of different rows of (n, d), d their distance.

    0 if all are the same, at best about -4 in many dimensions (Wang and Isola 2020, section 4.1.2,
    with t = 2). NaN for fewer than two rows.
    """
    return float(torch.pdist(_unit(embeddings)).pow(2).mul(-2).exp().mean().log())


def _unit(embeddings: Tensor) -> Tensor:
    return functional.normalize(embeddings.float(), dim=-1)
