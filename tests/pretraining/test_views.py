import numpy as np
import pytest
import torch

from cstool.codeswitch import Switcher
from cstool.errors import CstoolError
from cstool.lexicons.store import Table
from cstool.pretraining.corpus import Corpus, Stream
from cstool.pretraining.masking import IGNORED
from cstool.pretraining.views import Views, check_switcher, cut
from cstool.pretraining.vocabulary import train_tokenizer
from cstool.records import Entry, Example, Text
from cstool.settings import Pretraining

LINES = [
    "the river runs through the old city of stone",
    "a red house stands on the blue river bank and nobody knows who wrote its long novel",
    "who wrote the novel about the city",
    "the house is old",
]
WORDS = [("river", "Fluss"), ("house", "Haus"), ("city", "Stadt"), ("old", "alt")]


@pytest.fixture(scope="module")
def tokenizer():
    words = " ".join(target for _, target in WORDS)
    return train_tokenizer([LINES, [words]], 120)


def switcher(ratio=1.0, words=WORDS):
    table = Table.of(Entry(*pair) for pair in words)
    return Switcher({"de": table}, dict.fromkeys(("text", "query", "passage"), ("de",)), ratio, 1)


def texts():
    return [Text(f"t{number}", line) for number, line in enumerate(LINES)]


def made(tmp_path, tokenizer, records, switch=None, room=None, own=None, **given):
    settings = Pretraining(**{"max_length": 64, **given})
    pairs = settings.contrasts and settings.views == "pairs"
    corpus = Corpus.gather([records], tmp_path / "texts.arrow", pairs=pairs)
    views = Views(corpus, tokenizer, settings, switch)
    drawn = [(0, item) for item in corpus.items(range(len(corpus)))]
    return views.batch(drawn, room, own or range(len(drawn)))


def decoded(batch, tokenizer):
    return tokenizer.batch_decode(batch.inputs["input_ids"], skip_special_tokens=True)


def test_cut_by_hand():
    assert cut([5, 9, 3], 17) == [5, 9, 3]
    assert cut([5, 9, 3], 13) == [5, 5, 3]
    assert cut([5, 9, 3], 12) == [5, 4, 3]
    assert cut([9, 9, 9], 17) == [6, 6, 5]
    assert cut([5, 9, 3], 14) == [5, 6, 3]


def test_a_batch_counts_what_is_not_padding(tmp_path, tokenizer):
    batch = made(tmp_path, tokenizer, texts(), objective="mlm")
    expected = sum(len(ids) for ids in tokenizer(LINES)["input_ids"])
    assert batch.tokens == expected == batch.inputs["attention_mask"].sum()
    assert (batch.inputs["input_ids"] != 1).sum() == expected
    assert batch.masked == (batch.labels != IGNORED).sum()
    plain = made(tmp_path, tokenizer, texts(), objective="contrastive", views="crops")
    assert plain.labels is None
    assert plain.tokens == plain.inputs["attention_mask"].sum()


@pytest.mark.parametrize("objective", ["mlm", "contrastive", "both"])
def test_the_room_is_filled_to_the_token(objective, tmp_path, tokenizer):
    given = {"objective": objective, "switch": switcher()}
    whole = made(tmp_path, tokenizer, texts(), **given)
    for room in range(whole.tokens + 1, whole.tokens // 3, -1):
        batch = made(tmp_path, tokenizer, texts(), room=room, **given)
        assert batch.inputs["attention_mask"].sum() == batch.tokens
        if room < whole.tokens:
            assert batch.tokens == room
    # One more than it needs would leave a rest too small for a batch: so it leaves enough.
    views = 1 if objective == "mlm" else 2
    batch = made(tmp_path, tokenizer, texts(), room=whole.tokens + 1, **given)
    assert batch.tokens == whole.tokens + 1 - 2 * views * 4
    assert made(tmp_path, tokenizer, texts(), room=2 * views * 4 - 1, **given) is None


def test_a_text_and_its_switched_version(tmp_path, tokenizer):
    batch = made(tmp_path, tokenizer, texts(), switcher(), objective="contrastive")
    new = [LINES[3].replace("house", "Haus").replace("old", "alt")]
    assert decoded(batch, tokenizer)[:4] == LINES
    assert decoded(batch, tokenizer)[7:] == new
    only = switcher(words=[("old", "alt")])  # in two of the texts
    batch = made(tmp_path, tokenizer, texts(), only, objective="contrastive")
    assert batch.unswitched == 2


def test_what_is_masked_is_the_switched_text(tmp_path, tokenizer):
    given = {"objective": "mlm", "mlm_probability": 0.9}
    batch = made(tmp_path, tokenizer, texts(), switcher(), **given)
    wanted = tokenizer(LINES[3].replace("house", "Haus").replace("old", "alt"))["input_ids"]
    guessed = batch.labels[3][: len(wanted)]
    assert (guessed == torch.tensor(wanted))[guessed != IGNORED].all()
    assert (guessed != IGNORED).sum() > 3


def test_masks_at_switch_points(tmp_path, tokenizer):
    """Only "river" is known: it and its neighbours are masked, so many as elsewhere in all."""
    given = {"objective": "mlm", "mask_switched": True, "whole_words": True}
    only = switcher(words=[("river", "Fluss")])
    text = Text("t", "nobody knows who wrote the river bank of the long novel about its city")
    batch = made(tmp_path, tokenizer, [text], only, mlm_probability=0.9, **given)
    row = batch.labels[0]
    there = tokenizer.decode(row[row != IGNORED])
    assert there == "the Fluss bank"
    counts = [
        made(tmp_path, tokenizer, [Text(f"t{n}", text.text)], only, **given).masked
        for n in range(300)
    ]
    length = len(tokenizer(text.text, add_special_tokens=False)["input_ids"])
    # Three words that are drawn on their own have a large variance; the mean is 15 % of all.
    assert np.mean(counts) == pytest.approx(0.15 * length, rel=0.15)
    # A text without a switch point is masked as ever.
    assert made(
        tmp_path, tokenizer, [Text("t", LINES[2])], only, mlm_probability=0.9, **given
    ).masked


def examples():
    rows = [
        ("q1", "who wrote the novel", "p1", "the red house", 1),
        ("q1", "who wrote the novel", "p2", "a blue river", 1),
        ("q2", "where is the city", "p2", "a blue river", 1),
        ("q3", "what is old", "p3", "a stone is old", 1),
        ("q4", "which is long", "p4", "THE RIVER", 0),
        ("q5", "what runs there", "p5", "a stone is old", 0.6),
    ]
    return [Example(*row) for row in rows]


def test_pairs_have_no_negatives_among_what_is_the_same_or_answers(tmp_path, tokenizer):
    batch = made(tmp_path, tokenizer, examples(), objective="contrastive", views="pairs")
    assert batch.items == 5  # the one with label 0 is no pair
    assert decoded(batch, tokenizer)[0] == "who wrote the novel"
    assert decoded(batch, tokenizer)[5] == "the red house"
    # The first two share q1, the second and the third p2; p1 and p2 answer q1, so all three are
    # related; the last two share the text of their passages.
    related = torch.block_diag(torch.ones(3, 3), torch.ones(2, 2)).bool()
    assert batch.related.tolist() == related.tolist()
    assert batch.alone == 0


def test_texts_with_one_id_or_equal_ones_are_no_negatives(tmp_path, tokenizer):
    same = [Text("a", LINES[0]), Text("a", LINES[1]), Text("b", LINES[2]), Text("c", LINES[2])]
    batch = made(tmp_path, tokenizer, same, objective="contrastive", views="crops")
    related = torch.block_diag(torch.ones(2, 2), torch.ones(2, 2)).bool()
    assert batch.related.tolist() == related.tolist()
    alone = made(tmp_path, tokenizer, same[:2], objective="contrastive", views="crops")
    assert alone.alone == 2


def test_crops_are_pieces_of_the_text(tmp_path, tokenizer):
    given = {"objective": "contrastive", "views": "crops"}
    many = [Text(f"t{number}", LINES[1]) for number in range(200)]
    batch = made(tmp_path, tokenizer, many, crop_min=0.2, crop_max=0.5, **given)
    crops = decoded(batch, tokenizer)
    assert len(crops) == 400
    assert all(crop in LINES[1] for crop in crops)
    assert crops[:200] != crops[200:]
    length = len(tokenizer(LINES[1], add_special_tokens=False)["input_ids"])
    sizes = batch.inputs["attention_mask"].sum(1) - 2
    assert (sizes.min(), sizes.max()) == (round(0.2 * length), round(0.5 * length))
    # Uniform from 20 to 50 %: five standard errors of a mean of 400 are 2.2 % of the length.
    assert sizes.float().mean() == pytest.approx(0.35 * length, abs=0.022 * length)


def test_a_part_of_the_batch(tmp_path, tokenizer):
    given = {"objective": "contrastive", "switch": switcher()}
    whole = made(tmp_path, tokenizer, texts(), **given)
    part = made(tmp_path, tokenizer, texts(), own=range(1, 4, 2), **given)
    assert (part.tokens, part.items) == (whole.tokens, whole.items)
    assert torch.equal(part.inputs["input_ids"], whole.inputs["input_ids"][[1, 3, 5, 7]])


def test_every_epoch_has_every_item_once_in_its_own_order(tmp_path):
    corpus = Corpus.gather([texts()], tmp_path / "texts.arrow", pairs=False)
    taken = Stream(corpus, 1).take(2, 10)
    assert [epoch for epoch, _ in taken] == [0] * 2 + [1] * 4 + [2] * 4
    first = [item.id for _, item in taken[2:6]]
    second = [item.id for _, item in taken[6:]]
    assert sorted(first) == sorted(second) == ["t0", "t1", "t2", "t3"]
    assert Stream(corpus, 1).take(5, 4) == taken[3:7]
    orders = {str(Stream(corpus, seed).take(0, 8)) for seed in range(5)}
    assert len(orders) == 5


def test_texts_of_examples_come_once(tmp_path):
    corpus = Corpus.gather([examples()], tmp_path / "texts.arrow", pairs=False)
    names = [item.id for item in corpus.items(range(len(corpus)))]
    assert names == ["q1", "p1", "p2", "q2", "q3", "p3", "q4", "p4", "q5", "p5"]


def test_a_lexicon_without_a_word_of_the_texts(tmp_path):
    corpus = Corpus.gather([texts()], tmp_path / "texts.arrow", pairs=False)
    check_switcher(corpus, switcher())
    for useless in (switcher(words=[("zebra", "Zebra")]), switcher(ratio=0.0)):
        with pytest.raises(CstoolError, match="the lexicon replaces no word of the texts"):
            check_switcher(corpus, useless)
