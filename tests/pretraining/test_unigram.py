import math

import numpy as np
import pytest

from cstool.errors import CstoolError
from cstool.pretraining import unigram


def test_expected_counts_by_hand():
    """Of "ab", with probabilities a 0.5, b 0.3, ab 0.2: the segmentations weigh 0.15 and 0.2."""
    lattice = unigram._Lattice.of(["ab", "b"], ["a", "b", "ab"])
    found = lattice.expected(np.array([0.5, 0.3, 0.2]), np.array([7.0, 2.0]))
    assert found == pytest.approx([3, 5, 4])


def test_the_best_segmentation_by_hand():
    pieces = ["a", "b", "c", "ab", "bc", "abc"]
    logs = np.log([0.1, 0.2, 0.3, 0.1, 0.2, 0.1])
    best = unigram._Lattice.of(pieces, pieces, whole=False).best(logs)
    # Of "abc", ab + c (0.03) is better than a + bc (0.02) and a + b + c (0.006).
    assert np.exp(best[3:]) == pytest.approx([0.02, 0.06, 0.03])
    assert np.isneginf(best[:3]).all()  # a character alone has no other


WORDS = {f"▁{a}{o}{end}": 9.0 for a in "bdfgkl" for o in "aeiou" for end in ("", "ter", "schaft")}


def test_endings_are_found():
    found = unigram.learn(WORDS, 30)
    pieces = [piece for piece, _ in found]
    assert {"ter", "schaft"} <= set(pieces)
    assert len(pieces) <= 30
    assert set("".join(WORDS)) <= set(pieces)  # every character
    assert sum(math.exp(log) for _, log in found) == pytest.approx(1)
    assert found == sorted(found, key=lambda each: (-each[1], each[0]))


def test_the_order_of_the_words_does_not_matter():
    assert unigram.learn(dict(reversed(WORDS.items())), 30) == unigram.learn(WORDS, 30)


def test_rare_characters_are_no_pieces():
    pieces = {piece for piece, _ in unigram.learn({"▁ab": 10_000.0, "▁é": 1.0}, 10)}
    assert {"▁", "a", "b", "▁ab"} <= pieces
    assert "é" not in "".join(pieces)


def test_what_cannot_be_learnt_is_told():
    with pytest.raises(CstoolError, match="no words"):
        unigram.learn({}, 100)
    with pytest.raises(CstoolError, match=r"have 17 characters .* a vocabulary of 8 pieces"):
        unigram.learn(WORDS, 8)
