import threading

import pytest

from cstool.ahead import ahead


def test_items_keep_their_order_and_one_is_made_while_another_is_used():
    made = []
    second = threading.Event()

    def items():
        for number in range(4):
            made.append(number)
            if number == 1:
                second.set()
            yield number

    given = ahead(items())
    assert next(given) == 0
    assert second.wait(10)  # without anybody asking for it
    assert list(given) == [1, 2, 3]
    assert made == [0, 1, 2, 3]
    assert list(ahead([])) == []
    assert list(ahead([None])) == [None]


def test_an_error_comes_in_its_place():
    def items():
        yield 1
        raise ValueError("two")

    given = ahead(items())
    assert next(given) == 1
    with pytest.raises(ValueError, match="two"):
        next(given)
