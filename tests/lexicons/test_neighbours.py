import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cstool.lexicons.embeddings import Vectors
from cstool.lexicons.neighbours import induce, search
from cstool.settings import Computing, Induction

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


def test_vectors_that_differ_by_less_than_bf16_can_tell_are_told_apart():
    """Candidates are scored again in fp32; bf16 has steps of 0.004 near one."""
    rng = np.random.default_rng(5)
    x, y = unit(rng, 300, 20), unit(rng, 400, 20)
    y[1::2] = y[::2] + np.float32(1e-4) * unit(rng, 200, 20)
    y /= np.linalg.norm(y, axis=1, keepdims=True)
    half = Computing(device="cpu", precision="bf16")
    found = search(x, y, n=3, neighbours="nn", computing=half)
    indices, values = ranked(scores_of(x.astype(np.float64), y.astype(np.float64), "nn", 10), 3)
    assert np.mean(found.indices == indices) > 0.99
    assert np.abs(found.scores - values).max() < 1e-6
    csls = search(x, y, n=1, computing=half)
    _, values = ranked(scores_of(x.astype(np.float64), y.astype(np.float64), "csls", 10), 1)
    assert np.abs(csls.scores - values).max() < 0.01  # means of bf16 products


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_no_size_of_a_chunk_changes_what_is_found(precision):
    rng = np.random.default_rng(6)
    x, y = unit(rng, 210, 8), unit(rng, 130, 8)
    found = [
        search(x, y, n=4, back=True, computing=Computing("cpu", precision, chunk_bytes))
        for chunk_bytes in (1, 40_000, 1 << 30)
    ]
    for one in found[1:]:
        assert np.array_equal(one.indices, found[0].indices)
        assert one.scores == pytest.approx(found[0].scores, abs=1e-6)
        assert np.array_equal(one.back, found[0].back)


def test_progress_goes_from_nothing_to_all():
    rng = np.random.default_rng(7)
    told = []
    x, y = unit(rng, 100, 4), unit(rng, 50, 4)
    search(x, y, n=1, computing=SMALL, on_rows=lambda done, of: told.append((done, of)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (200, 200)
    assert all(of == 200 for _, of in told)


# Filters, by hand: angles in the plane, of which the cosines are known


def at(*degrees):
    return [[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in degrees]


SOURCE = vectors("house Radio rare", *at(0, 60, 100))
TARGET = vectors("haus heim radio RADIO selten", *at(0, 30, 60, 70, 150))
COSINES = Induction(align="none", neighbours="nn", max_translations=2)


def induced(settings=COSINES, source=SOURCE, target=TARGET, **more):
    left_out = Counter()
    computing = Computing(device="cpu")
    entries = induce(source, target, settings, left_out, computing=computing, **more)
    found = [(entry.source, entry.target, round(entry.score, 4)) for entry in entries]
    return found, +left_out


COS10, COS30, COS40, COS50 = 0.9848, 0.866, 0.766, 0.6428


def test_the_best_come_first_with_their_cosines():
    assert induced() == (
        [
            *(("house", "haus", 1), ("house", "heim", COS30)),
            *(("Radio", "radio", 1), ("Radio", "RADIO", COS10)),
            *(("rare", "RADIO", COS30), ("rare", "radio", COS40)),
        ],
        {},
    )
    assert induced(replace(COSINES, max_translations=1))[0] == [
        ("house", "haus", 1),
        ("Radio", "radio", 1),
        ("rare", "RADIO", COS30),
    ]
    assert len(induced(replace(COSINES, max_translations=9))[0]) == 15


def test_lengths_of_vectors_do_not_matter():
    longer = Vectors(SOURCE.words, SOURCE.matrix * np.float32([[3], [0.1], [7]]))
    assert induced(source=longer) == induced()


def test_a_minimum_score_and_a_margin():
    found, left_out = induced(replace(COSINES, min_score=0.8))
    assert [entry[:2] for entry in found][-1] == ("rare", "RADIO")
    assert left_out == {"below the score": 1}
    # 1 - cos 30 = 0.134; 1 - cos 10 = 0.015; cos 30 - cos 40 = 0.1
    found, left_out = induced(replace(COSINES, min_margin=0.11))
    assert [entry[:2] for entry in found] == [("house", "haus"), ("house", "heim")]
    assert left_out == {"below the margin": 4}
    found, left_out = induced(replace(COSINES, min_margin=0.05, max_translations=1))
    assert [entry[0] for entry in found] == ["house", "rare"]
    assert left_out == {"below the margin": 1}


def test_only_mutual_neighbours():
    # Nearest to haus and heim (30 from both, the first wins) is house, to radio and RADIO it is
    # Radio (10 from RADIO, rare 30), to selten it is rare.
    found, left_out = induced(replace(COSINES, mutual=True))
    assert [entry[:2] for entry in found] == [
        ("house", "haus"),
        ("house", "heim"),
        ("Radio", "radio"),
        ("Radio", "RADIO"),
    ]
    assert left_out == {"not mutual": 2}


def test_words_of_very_different_frequency():
    common, rare = [f"s{n}" for n in range(401)], ["t0", "t1"]
    axes = np.zeros((401, 2), dtype=np.float32)
    axes[:, 0] = 1
    axes[400] = [0, 1]
    source = Vectors(common, axes)
    target = vectors("t0 t1", [0, 1], [1, 0])
    one = replace(COSINES, max_translations=1)
    # Rank 400 and rank 0: 500 / 100 = 5.
    found, left_out = induced(replace(one, max_rank_ratio=5), source, target)
    assert found[-1] == ("s400", "t0", 1)
    assert (len(found), left_out) == (401, {})
    found, left_out = induced(replace(one, max_rank_ratio=4.9), source, target)
    # (rank + 100) / 101 is above 4.9 from rank 395 on.
    assert (len(found), left_out) == (395, {"of another frequency": 6})
    assert rare == list(target.words)


def test_identical_words_make_room_for_the_next():
    found, left_out = induced(replace(COSINES, keep_identical=False))
    assert found[2:4] == [("Radio", "heim", COS30), ("Radio", "haus", 0.5)]
    assert left_out == {"identical": 2}
    # All others are too low for Radio, and what is the same does not come back.
    found, left_out = induced(replace(COSINES, keep_identical=False, min_score=0.9))
    assert found == [("house", "haus", 1)]
    assert left_out == {"identical": 2, "below the score": 5}


def test_where_there_is_nothing_but_identical_words():
    target = vectors("Radio", *at(60))
    none = replace(COSINES, keep_identical=False, min_margin=0.0, min_score=-2, mutual=True)
    assert induced(none, vectors("radio", *at(60)), target)[0] == []


def test_only_words_of_the_vocabulary_are_translated_and_they_as_without_it():
    for chosen in (COSINES, replace(COSINES, neighbours="csls", k=2, mutual=True)):
        every, _ = induced(chosen)
        found, left_out = induced(chosen, occurring={"radio", "rare"})
        assert found == [entry for entry in every if entry[0] != "house"]
        assert left_out["not in the vocabulary"] == 1
    assert induced(occurring=frozenset()) == ([], {"not in the vocabulary": 3})


def test_no_targets_no_translations():
    assert induced(target=Vectors([], np.empty((0, 2), dtype=np.float32))) == ([], {})


@given(cases(), st.data())
@settings(max_examples=50)
def test_every_filter_takes_entries_away_and_moves_none(case, data):
    """And their number is what the filters say that they have left out."""
    x, y = case
    source = Vectors([f"w{n}" for n in range(len(x))], x)
    target = Vectors([f"{'w' if n % 3 else 'v'}{n}" for n in range(len(y))], y)
    base = Induction(align="none", k=2, max_translations=data.draw(st.integers(1, 4)))
    options = {
        "mutual": True,
        "min_score": data.draw(st.floats(-1, 1)),
        "min_margin": data.draw(st.floats(0, 0.5)),
        "max_rank_ratio": data.draw(st.floats(1, 2)),
    }
    every, _ = induced(base, source, target)
    for names in (*([name] for name in options), list(options)):
        chosen = replace(base, **{name: options[name] for name in names})
        found, left_out = induced(chosen, source, target)
        assert [entry for entry in every if entry in found] == found
        assert left_out.total() == len(every) - len(found)
