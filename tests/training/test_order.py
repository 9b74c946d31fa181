from collections import Counter

import pytest

from cstool.training.order import Drawn, Order


def test_a_single_source_is_gone_through_again_and_again_each_time_in_another_order():
    # 10 groups in batches of 4 are 3 batches, the last of 2: no batch has a group twice.
    batches = list(Order([10], [1], batch_size=4, steps=6, seed=1))
    assert [len(batch) for batch in batches] == [4, 4, 2, 4, 4, 2]
    rounds = [[drawn for batch in batches[i : i + 3] for drawn in batch] for i in (0, 3)]
    for cycle, drawn in enumerate(rounds):
        assert sorted(drawn) == [Drawn(cycle, group) for group in range(10)]
    assert [one.group for one in rounds[0]] != [one.group for one in rounds[1]]


def draws(seed=1, steps=250, weights=(1, 3)):
    """Draw 2000 groups from one source of 7 and one of 700."""
    return [one for batch in Order([7, 700], weights, 8, steps, seed) for one in batch]


def test_shares_are_exact_over_a_window_and_every_source_comes_round():
    drawn = draws()
    for start in (0, 1000):
        first = sum(one.group < 7 for one in drawn[start : start + 1000])
        assert first == 250
    # 500 draws of 7 groups: 71 times through, and 3 more.
    times = Counter(one.group for one in drawn if one.group < 7)
    assert sorted(times.values()) == [71, 71, 71, 71, 72, 72, 72]
    assert max(one.cycle for one in drawn if one.group < 7) == 71
    # 1500 draws of 700 groups: each twice, 100 a third time.
    times = Counter(one.group for one in drawn if one.group >= 7)
    assert Counter(times.values()) == {2: 600, 3: 100}


def test_shares_that_are_no_whole_numbers_are_kept_over_all_windows():
    drawn = draws(steps=750, weights=(1, 2))  # 6000 draws in 6 windows
    counts = [sum(one.group < 7 for one in drawn[i : i + 1000]) for i in range(0, 6000, 1000)]
    assert sum(counts) == 2000
    assert set(counts) == {333, 334}


def test_sources_do_not_take_turns_by_a_pattern():
    sources = [one.group < 7 for one in draws()[:1000]]
    distances = Counter()
    last = 0
    for place, is_first in enumerate(sources):
        if is_first:
            distances[place - last] += 1
            last = place
    assert len(distances) > 8


def test_a_batch_is_a_function_of_the_seed_and_its_number():
    order = Order([7, 700], [1, 3], batch_size=8, steps=250, seed=1)
    whole = list(order)
    assert Order([7, 700], [1, 3], batch_size=8, steps=250, seed=1).batch(249) == whole[249]
    assert draws(seed=2) != draws(seed=1)


@pytest.mark.parametrize("sizes", [[3], [3, 4, 5]])
def test_it_has_so_many_batches(sizes):
    order = Order(sizes, [1] * len(sizes), batch_size=2, steps=5, seed=1)
    assert len(order) == len(list(order)) == 5
