"""Keys found by hashing against a dict, which knows them by what they are."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from cstool.switching.index import (
    LONGEST_RUN,
    MAX_NUMBER,
    MAX_TAG,
    SHORT,
    Index,
    chunk_keys,
    run_keys,
)

chunks = st.lists(st.binary(max_size=SHORT).map(lambda data: data.replace(b" ", b"")), min_size=1)


def keys_of(found):
    raw = b" ".join([*found, b""])
    sizes = np.array([len(chunk) for chunk in found])
    ends = np.cumsum(sizes + 1) - 1
    return chunk_keys(raw, ends - sizes, ends)


@given(chunks, chunks)
def test_chunks_are_found_under_their_numbers(known, asked):
    numbers = {chunk: number for number, chunk in enumerate(dict.fromkeys(known), start=1)}
    index = Index()
    for chunk, number in numbers.items():  # one by one, and so in a table that grows
        index.add(*keys_of([chunk]), [number])
    found = index.find(*keys_of(asked + known)).tolist()
    assert found == [numbers.get(chunk, 0) for chunk in asked + known]


def test_many_keys_that_were_added_together():
    rng = np.random.default_rng(1)
    keys = np.unique(rng.integers(0, 1 << 40, (50_000, 2), dtype=np.uint64), axis=0)
    known, others = keys[::2], keys[1::2]
    index = Index()
    for part in np.array_split(np.arange(len(known)), 7):
        index.add(known[part, 0], known[part, 1], part + 1)
    assert (index.find(known[:, 0], known[:, 1]) == np.arange(len(known)) + 1).all()
    assert (index.find(others[:, 0], others[:, 1]) == 0).all()


def test_a_long_chunk_has_no_key_of_its_own():
    first, second = keys_of([b"x" * SHORT, b"x" * (SHORT + 1), b"x" * SHORT + b"yz"])
    names = list(zip(first.tolist(), second.tolist(), strict=True))
    assert names[1] == names[2] != names[0]


runs = st.lists(
    st.tuples(
        st.lists(st.integers(1, MAX_NUMBER), min_size=1, max_size=LONGEST_RUN),
        st.integers(0, MAX_TAG),
    ),
    min_size=1,
)


@given(runs)
def test_runs_have_the_same_key_only_if_they_are_equal(given_runs):
    numbers = np.array([number for run, _ in given_runs for number in run])
    sizes = np.array([len(run) for run, _ in given_runs])
    tags = np.array([tag for _, tag in given_runs])
    first, second = run_keys(numbers, np.cumsum(sizes) - sizes, sizes, tags)
    names = list(zip(first.tolist(), second.tolist(), strict=True))
    runs_of_names = dict(zip(names, given_runs, strict=True))
    assert [runs_of_names[name] for name in names] == given_runs
