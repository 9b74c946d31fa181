"""The same work on one item after another, in several processes; the results keep their order.

The processes are forked, so what the work needs, a lexicon above all, is in memory once and shared
between them. Few items wait at any time: memory does not grow with their number.
"""

import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import connection, get_context, parent_process
from typing import Any, TypeVar

from cstool.errors import CstoolError

Item = TypeVar("Item")
Begun = TypeVar("Begun")
Result = TypeVar("Result")
_AHEAD = 4  # items that are worked on or wait, per process


@contextmanager
def processes(
    work: Callable[[Item], Result], count: int
) -> Iterator[Callable[[Iterable[Item]], Iterator[Result]]]:
    """Start `count` processes and give a function that works as `map(work, items)` does in one.

    An error in the work comes out in the place of its result; CstoolError if a process is killed.
    The processes end with the block, or when this process is killed. With a count of 1 there are
    none, and everything is done here.
    """
    if count == 1:
        yield partial(map, work)
        return
    pool = ProcessPoolExecutor(count, get_context("fork"), _begin, (work,))
    gc.freeze()  # the collector must not write to, and so copy, what the processes share
    # Ctrl-C and a closed terminal reach every process: this one decides what becomes of the others.
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGHUP))
    try:
        try:
            with _explained():
                pool.submit(_idle).result()  # they start now, while there are no other threads
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        yield partial(_mapped, pool, _AHEAD * count)
    finally:
        pool.shutdown(cancel_futures=True)
        gc.unfreeze()


def in_order(
    items: Iterable[Item],
    begin: Callable[[Item], Begun],
    result: Callable[[Begun], Result],
    ahead: int,
) -> Iterator[Result]:
    """Begin the work on up to `ahead` items at a time and yield the results as the items came.

    An error in getting an item comes out after the results of those before it.
    """
    waiting: deque[Begun] = deque()
    failed: list[Exception] = []
    for item in _until_failure(items, failed):
        waiting.append(begin(item))
        if len(waiting) == ahead:
            yield result(waiting.popleft())
    while waiting:
        yield result(waiting.popleft())
    if failed:
        raise failed[0]


def _until_failure(items: Iterable[Item], failed: list[Exception]) -> Iterator[Item]:
    try:
        yield from items
    except Exception as error:
        failed.append(error)


def _mapped(pool: ProcessPoolExecutor, ahead: int, items: Iterable[Any]) -> Iterator[Any]:
    with _explained():
        yield from in_order(items, lambda item: pool.submit(_do, item), Future.result, ahead)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool as error:
        raise CstoolError("a worker was killed; if memory ran out, take fewer --workers") from error


# In a worker. What it does is given to it once: as an argument it would be sent with every item.
_work: Callable[[Any], Any]


def _begin(work: Callable[[Any], Any]) -> None:
    global _work
    _work = work
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)


def _idle() -> None:
    """Do nothing."""


def _do(item: Any) -> Any:
    return _work(item)
