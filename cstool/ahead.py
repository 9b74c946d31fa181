"""Make the next item in a thread while the last one is worked on."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield the items of an iterator, one of which is made ahead; errors come in their place.

    It pays where making an item leaves Python to others, as a tokenizer does.
    """
    end = object()
    waiting = iter(items)

    def after() -> Item | object:
        return next(waiting, end)

    with ThreadPoolExecutor(max_workers=1) as thread:
        coming = thread.submit(after)
        while (item := coming.result()) is not end:
            coming = thread.submit(after)
            yield item  # type: ignore[misc]  # it is not `end`
