import numpy as np
import pytest

from cstool.pretraining import masking
from cstool.pretraining.masking import IGNORED, Vocabulary
from cstool.replacements import Replacement

VOCABULARY = Vocabulary(4, np.arange(5, 1000, dtype=np.int64))


def masked(rows=200, length=500, share=0.15, group=None, seed=0):
    ids = np.full((rows, length), 77, dtype=np.int64)
    free = np.ones(ids.shape, dtype=bool)
    free[:, 0] = False
    group = np.broadcast_to(np.arange(length), ids.shape) if group is None else group
    texts = np.arange(rows, dtype=np.uint64) + np.uint64(seed)
    return ids, *masking.mask(ids, free, group, texts, np.full(rows, share), VOCABULARY)


def test_fifteen_percent_and_of_them_80_10_10():
    ids, made, labels = masked()
    chosen = labels != IGNORED
    assert not chosen[:, 0].any()
    # Five standard deviations of a binomial of 99,800 tokens, and of its 15,000 chosen ones.
    assert chosen.mean() * 500 / 499 == pytest.approx(0.15, abs=5 * (0.15 * 0.85 / 99_800) ** 0.5)
    assert (labels[chosen] == 77).all()
    assert (made[~chosen] == 77).all()
    kinds = made[chosen]
    assert (kinds == 4).mean() == pytest.approx(0.8, abs=0.017)
    other = (kinds != 4) & (kinds != 77)
    assert other.mean() == pytest.approx(0.1, abs=0.013)
    assert kinds[other].min() >= 5  # never a special token
    assert len(set(kinds[other])) > 700  # of 994: any of them
    assert (ids == 77).all()  # the text itself stays


def test_a_text_is_masked_alike_in_every_batch():
    _, made, labels = masked(rows=10)
    _, shorter, some = masked(rows=3, length=100, seed=4)
    assert (labels[4:7, :100] == some).all()
    assert (made[4:7, :100] == shorter).all()


def test_words_are_masked_whole():
    group = np.broadcast_to(np.arange(500) // 5 * 5, (200, 500))
    _, _, labels = masked(group=group)
    chosen = (labels != IGNORED)[:, 5:].reshape(200, 99, 5)
    assert (chosen.all(2) == chosen.any(2)).all()
    assert chosen.any(2).mean() == pytest.approx(0.15, abs=5 * (0.15 * 0.85 / 19_800) ** 0.5)


def test_tokens_of_a_word_know_its_first():
    text = "Don't go, house-boat 42 世界"
    pieces = ["Don", "'", "t", " go", ",", " hou", "se", "-", "boat", " 4", "2", " 世", "界"]
    ends = np.cumsum([len(piece) for piece in pieces]).tolist()
    offsets = [(0, 0), *((e - len(p), e) for e, p in zip(ends, pieces, strict=True)), (0, 0)]
    #        <s> Don ' t  go ,  hou se - boat 4  2  世  界  </s>
    expected = [0, 1, 1, 1, 4, 5, 6, 6, 8, 9, 10, 11, 12, 13, 14]
    assert masking.word_starts(text, offsets) == expected


def test_words_beside_switch_points():
    # "The red house by the river" became "The rotes Haus by the Fluss": a German span of two words
    # that is one replacement, and one of one word.
    text = "The red house by the river."
    made = [
        Replacement(4, 13, "red house", "rotes Haus", "de"),
        Replacement(21, 26, "river", "Fluss", "de"),
    ]
    new = "The rotes Haus by the Fluss."
    spans = masking.at_switches(text, made, "en")
    assert [new[a:b] for a, b in spans] == ["The", "rotes Haus", "by", "the", "Fluss"]
    other = [Replacement(4, 7, "red", "rosso", "it"), Replacement(8, 13, "house", "Haus", "de")]
    new = "The rosso Haus by the river."
    spans = masking.at_switches(text, other, "en")
    assert [new[a:b] for a, b in spans] == ["The", "rosso", "Haus", "by"]
    assert masking.at_switches(text, [], "en") == []
    every = [Replacement(0, 3, "Hey", "Hallo", "de"), Replacement(4, 6, "du", "du", "de")]
    assert masking.at_switches("Hey du", every, "en") == []


def test_tokens_within_spans():
    offsets = [(0, 0), (0, 3), (3, 6), (6, 9), (9, 10), (0, 0)]
    assert masking.covered(offsets, [(4, 6), (9, 10)]) == [False, False, True, False, True, False]
