import pickle
from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cstool.switching import tally
from cstool.switching.tally import Tally

NAMES = ["red", "sea", "house", "river"]
counted = st.lists(st.lists(st.integers(0, 3), max_size=9), max_size=5)


@given(counted, counted, st.integers(0, 9))
def test_numbers_are_counted_as_their_names(ours, theirs, waiting):
    other_names = NAMES[::-1]
    expected = Counter(NAMES[number] for numbers in ours for number in numbers)
    expected.update(other_names[number] for numbers in theirs for number in numbers)
    one, other = Tally(), Tally()
    kept, tally._WAITING = tally._WAITING, waiting
    try:
        for numbers in ours:
            one.add(NAMES, np.array(numbers, dtype=np.int64))
        for numbers in theirs:
            other.add(other_names, np.array(numbers, dtype=np.int64))
    finally:
        tally._WAITING = kept
    one.update(pickle.loads(pickle.dumps(other)))
    assert one.total() == expected.total()
    assert one.most(9) == sorted(expected.items(), key=lambda item: (-item[1], item[0]))
    assert one == pickle.loads(pickle.dumps(one))


def test_of_too_many_names_the_rarer_half_is_forgotten(monkeypatch):
    monkeypatch.setattr(tally, "_MOST", 3)
    one = Tally()
    one.add(NAMES, np.array([0, 0, 0, 1, 2, 2, 3]))
    assert one.most(9) == [("red", 3)]


def test_a_tally_that_differs():
    one, other = Tally(), Tally()
    one.add(NAMES, np.array([0]))
    assert one != other
    other.add(["red"], np.array([0]))
    assert one == other
