import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool.datasets.jsonarray import objects

VALUES = st.recursive(
    st.none() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
ROWS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), max_size=5)


def found(blocks, longest=1 << 20):
    return [(line, json.loads(text)) for line, text in objects(blocks, longest=longest)]


@given(ROWS, st.integers(1, 9), st.sampled_from([None, 0, 4]), st.booleans())
def test_any_array_comes_back_whatever_the_blocks(rows, size, indent, ascii_only):
    document = json.dumps(rows, indent=indent, ensure_ascii=ascii_only).encode("utf-8") + b"\n"
    blocks = [document[i : i + size] for i in range(0, len(document), size)]
    assert [row for _, row in found(blocks)] == rows


def test_an_object_has_the_line_on_which_it_begins():
    document = b'[\n  {\n    "a": "x}]"\n  }, {"b": [1,\n 2]},\n\n  {}\n]\n'
    assert found([document]) == [(2, {"a": "x}]"}), (4, {"b": [1, 2]}), (7, {})]


@pytest.mark.parametrize(
    "document",
    ["", "{}", "[{}", '[{"a": "', '["a"]', "[1, {}]", "[[]]", "[{}] {}", "[{}] x", "]", "x[{}]"],
)
def test_what_is_no_array_of_objects_is_told(document):
    with pytest.raises(ValueError, match="no array of objects"):
        found([document.encode()])


def test_what_never_ends_is_not_read_into_memory():
    def endless():
        yield b'[{"a": "'
        while True:
            yield b"x" * 1000

    with pytest.raises(ValueError, match="an object of more than 0 MiB"):
        found(endless(), longest=5000)
