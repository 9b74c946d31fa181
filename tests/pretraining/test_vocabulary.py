import gzip

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer

from cstool.pretraining.vocabulary import train_tokenizer, weights

ENGLISH = ["the river runs through the old city", "the house is red and the river is blue"]
GERMAN = ["der Fluss fließt durch die alte Stadt", "das Haus ist rot und der Fluss ist blau"]


def test_weights_by_hand():
    # Of 500 characters, equal shares are 250 for each; at 0.5 they are 1/3 and 2/3.
    assert weights([100, 400], 0) == pytest.approx([2.5, 0.625])
    assert weights([100, 400], 1) == pytest.approx([1, 1])
    assert weights([100, 400], 0.5) == pytest.approx([500 / 300, 1000 / 3 / 400])
    assert weights([100, 0], 0) == [1, 0]


def count(tokenizer, texts):
    return sum(map(len, tokenizer(texts, add_special_tokens=False)["input_ids"]))


def test_a_small_language_gets_its_share():
    even, as_it_is = (
        train_tokenizer([ENGLISH * 200, GERMAN], 45, alpha=alpha) for alpha in (0.0, 1.0)
    )
    assert count(even, GERMAN) < 0.9 * count(as_it_is, GERMAN)
    assert count(even, ENGLISH) >= count(as_it_is, ENGLISH)


def test_it_is_a_tokenizer_as_others_are(tmp_path):
    made = train_tokenizer([ENGLISH, GERMAN], 100)
    made.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert len(loaded) == len(made) <= 100
    special = [loaded.bos_token_id, loaded.pad_token_id, loaded.eos_token_id, loaded.unk_token_id]
    assert special == [0, 1, 2, 3]  # XLM-R's
    assert loaded.mask_token_id == 4
    text = "the  river\tis “blue”"
    ids = loaded(text)["input_ids"]
    assert (ids[0], ids[-1]) == (0, 2)
    assert ids == made(text)["input_ids"]
    assert loaded.decode(loaded("the old house")["input_ids"][1:-1]) == "the old house"
    pair = loaded("the river", "the city")["input_ids"]
    assert [token for token in pair if token in (0, 2)] == [0, 2, 2, 2]
    assert 4 in loaded("the <mask> is blue")["input_ids"]


def test_two_types_of_tokens():
    made = train_tokenizer([ENGLISH], 60, types=2)
    pair = made("the river", "the city")
    first = pair["input_ids"].index(2)
    assert set(pair["token_type_ids"][: first + 1]) == {0}
    assert set(pair["token_type_ids"][first + 1 :]) == {1}


@pytest.mark.realdata
def test_as_good_as_the_trainer_of_tokenizers(real_data):
    """On novels, half of them for training, both need about as many tokens for the other half."""
    with gzip.open(real_data / "mono" / "en.txt.gz", "rt", encoding="utf-8") as lines:
        texts = [line.strip() for line, _ in zip(lines, range(2000), strict=False)]
    train, test = texts[::2], texts[1::2]
    ours = train_tokenizer([train], 1000)
    peer = Tokenizer(models.Unigram())
    peer.pre_tokenizer = pre_tokenizers.Metaspace()
    options = {"special_tokens": ["<unk>"], "unk_token": "<unk>", "show_progress": False}
    peer.train_from_iterator(train, trainers.UnigramTrainer(vocab_size=996, **options))
    theirs = sum(len(each.ids) for each in peer.encode_batch(test))
    assert count(ours, test) == pytest.approx(theirs, rel=0.03)
