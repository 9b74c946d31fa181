import pytest

from cstool.crossencoder import CrossEncoder
from cstool.records import Example
from cstool.training.batches import Batches


@pytest.fixture
def encoder(bert):
    return CrossEncoder.begin(bert, max_length=64, default=64).encoder


def group(number, words, extra=None):
    """Make a group of one example with so many tokens: [CLS] who [SEP] ... [SEP] and the words."""
    return [Example(f"q{number}", "who", f"p{number}", "city " * words, number % 2, extra or {})]


def drawn(*words):
    return [(0, group(number, count)) for number, count in enumerate(words)]


def labels(parts):
    return [part["labels"].tolist() for part in parts]


def test_parts_keep_to_the_budget_and_groups_of_like_length_share_one(encoder):
    batches = Batches(encoder, "binary", token_budget=60)
    parts = batches(drawn(26, 1, 11, 2, 12, 3))["parts"]
    # With four tokens around: 30, 5, 15, 6, 16, 7. Two of up to 30, then four of up to 15 are 60.
    shapes = [tuple(part["inputs"]["input_ids"].shape) for part in parts]
    assert shapes == [(2, 30), (4, 15)]
    assert labels(parts) == [[0, 0], [1, 0, 1, 1]]


def test_without_a_budget_or_within_it_a_batch_is_computed_as_it_comes(encoder):
    for budget in (None, 1000):
        [part] = Batches(encoder, "binary", token_budget=budget)(drawn(3, 9, 1))["parts"]
        assert part["labels"].tolist() == [0, 1, 0]
        assert part["inputs"]["attention_mask"].sum(1).tolist() == [7, 13, 5]
        assert part["units"] == 3


def test_a_group_is_never_cut(encoder):
    both = [group(1, 20)[0], group(0, 2)[0]]
    parts = Batches(encoder, "ranknet", token_budget=10)([(0, both), (0, both)])["parts"]
    assert labels(parts) == [[1, 0], [1, 0]]
    assert [part["units"] for part in parts] == [1, 1]


def test_processes_share_a_batch(encoder):
    shares = [
        Batches(encoder, "binary", share=(which, 2))(drawn(5, 1, 8, 3, 2))["parts"]
        for which in range(2)
    ]
    lengths = [part["inputs"]["attention_mask"].sum(1).tolist() for [part] in shares]
    # By length 8, 5, 3, 2, 1 words: the first takes 8, 3, 1, the second 5, 2, in the old order.
    assert lengths == [[5, 12, 7], [9, 6]]


def test_a_process_for_which_nothing_is_left_computes_what_counts_nothing(encoder):
    [part] = Batches(encoder, "binary", share=(1, 2))(drawn(5))["parts"]
    assert part["units"] == 0
    assert len(part["labels"]) == 1


def test_originals_of_switched_texts_stand_behind_the_examples(encoder):
    switched = {"switched": {"query": [[0, 3, "what"]], "passage": []}}
    plain, other = group(1, 2)[0], group(0, 2, switched)[0]
    [part] = Batches(encoder, "binary", align_texts=True)([(0, [plain]), (0, [other])])["parts"]
    rows = part["inputs"]["input_ids"]
    assert part["switched"].tolist() == [1]
    assert len(rows) == 3
    text = encoder.tokenizer.decode(rows[2], skip_special_tokens=True)
    assert text == "what city city"
    assert part["labels"].tolist() == [1, 0]
