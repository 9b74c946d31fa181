import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool.lexicons.embeddings import Vectors
from cstool.lexicons.neighbours import search
from cstool.settings import Computing

SMALL = Computing(device="cpu", chunk_bytes=1)  # as few rows at a time as there can be


def scores_of(x, y, neighbours, k):
    """The formulas, written down: cosines, or CSLS with r as the mean of the k highest."""
    cosines = x @ y.T
    if neighbours == "nn":
        return cosines
    of_x = np.sort(cosines, axis=1)[:, -k:].mean(1)
    of_y = np.sort(cosines, axis=0)[-k:].mean(0)
    return 2 * cosines - of_x[:, None] - of_y


def ranked(scores, n):
    """The n highest of each row; of equal ones the first."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
    return order, np.take_along_axis(scores, order, axis=1)


def unit(rng, n, d):
    vectors = rng.standard_normal((n, d)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def vectors(words, *rows):
    return Vectors(words.split(), np.array(rows, dtype=np.float32))


# Quarters: their sums and products are exact, whatever the order, so equal scores are equal.
quarters = st.integers(-4, 4).map(lambda number: number / 4)


@st.composite
def cases(draw):
    dimension = draw(st.integers(1, 3))
    sizes = st.integers(1, 100)
    seed = draw(st.integers(0, 10**6))
    rng = np.random.default_rng(seed)
    x, y = (
        (rng.integers(-4, 5, (draw(sizes), dimension)) / 4).astype(np.float32) for _ in range(2)
    )
    return x, y


@given(cases(), st.sampled_from(["nn", "csls"]), st.sampled_from([1, 2, 4, 8]), st.integers(1, 12))
@settings(max_examples=150)
def test_neighbours_scores_and_ties_are_those_of_the_formulas(case, neighbours, k, n):
    x, y = case
    k = min(k, *(1 << (len(side).bit_length() - 1) for side in case))  # so that means are exact
    scores = scores_of(x, y, neighbours, k)
    indices, values = ranked(scores, n)
    found = search(x, y, n=n, neighbours=neighbours, k=k, back=True, computing=SMALL)
    assert np.array_equal(found.indices, indices)
    assert np.array_equal(found.scores, values)
    assert np.array_equal(found.back, scores.argmax(0))
    rows = np.arange(0, len(x), 3)
    some = search(x, y, n=n, neighbours=neighbours, k=k, rows=rows, computing=SMALL)
    assert np.array_equal(some.indices, indices[rows])
    assert np.array_equal(some.scores, values[rows])
