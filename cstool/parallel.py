"""The same work on one item after another, in several processes; the results keep their order.

The processes are forked, so what the work needs, a lexicon above all, is in memory once and shared
between them. Few items wait at any time: memory does not grow with their number.

Each process has a pipe of its own, and nobody else holds its ends. So the death of a process, in
whatever it is doing, is the end of its pipe and cannot go unnoticed. (concurrent.futures has one
pipe for all results: a process that is killed while it writes there leaves the others waiting.)
"""

import gc
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from queue import SimpleQueue
from traceback import format_exception
from typing import Any, TypeVar

from cstool.errors import CstoolError

Item = TypeVar("Item")
Begun = TypeVar("Begun")
Result = TypeVar("Result")
_AHEAD = 4  # items that are worked on or wait, per process
_REST = "what a process has kept"  # asked for instead of an item


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    pipe: "connection.Connection[Any, Any]"


@contextmanager
def processes(
    work: Callable[[Item], Result], count: int, rest: Callable[[], Result] | None = None
) -> Iterator[Callable[[Iterable[Item]], Iterator[Result]]]:
    """Start `count` processes and give a function that works as `map(work, items)` does in one.

    After the last item comes what `rest` gives in each process: what it has kept.
    An error in the work comes out in the place of its result; CstoolError if a process is killed.
    The processes end with the block, or when this process is killed. With a count of 1 there are
    none, and everything is done here. Meanwhile the garbage collector is off: work on records makes
    no cycles, and looking for them takes a fifth of the time.
    """
    with _uncollected():
        if count == 1:
            yield partial(_mapped_here, work, rest)
        else:
            with _forked(work, count, rest) as mapped:
                yield mapped


def _mapped_here(
    work: Callable[[Item], Result], rest: Callable[[], Result] | None, items: Iterable[Item]
) -> Iterator[Result]:
    yield from map(work, items)
    if rest:
        yield rest()


@contextmanager
def _uncollected() -> Iterator[None]:
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def _forked(
    work: Callable[[Item], Result], count: int, rest: Callable[[], Result] | None
) -> Iterator[Callable[[Iterable[Item]], Iterator[Result]]]:
    workers: list[_Worker] = []
    # A thread for each process, that waits for it.
    threads = ThreadPoolExecutor(count)
    try:
        # Ctrl-C and a closed terminal reach every process: this one decides about the others. And
        # none may be told to end before it has set its own way to: it would run on as this one.
        ours = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
        try:
            for _ in range(count):  # now, while there are no other threads
                workers.append(_started(work, rest, workers))
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        idle: SimpleQueue[_Worker] = SimpleQueue()
        for worker in workers:
            idle.put(worker)
        yield partial(_mapped, threads, idle, workers if rest else [])
    finally:
        for worker in workers:
            worker.process.terminate()
        threads.shutdown(cancel_futures=True)
        for worker in workers:
            worker.process.join()
            worker.pipe.close()


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


def _mapped(
    threads: ThreadPoolExecutor,
    idle: "SimpleQueue[_Worker]",
    with_rest: Iterable[_Worker],
    items: Iterable[Any],
) -> Iterator[Any]:
    def ask_one(item: Any) -> Any:
        worker = idle.get()
        try:
            return _ask(worker, item)
        finally:
            idle.put(worker)

    ahead = _AHEAD * idle.qsize()
    yield from in_order(items, lambda item: threads.submit(ask_one, item), Future.result, ahead)
    for worker in with_rest:
        yield _ask(worker, _REST)


def _ask(worker: _Worker, item: Any) -> Any:
    """Let a process do the work."""
    try:
        worker.pipe.send(item)
        result, error, told = worker.pipe.recv()
    except (EOFError, OSError) as problem:
        raise CstoolError(
            "a worker was killed; if memory ran out, take fewer --workers"
        ) from problem
    if error is not None:
        raise error from (None if isinstance(error, CstoolError) else _Remote(told))
    return result


class _Remote(Exception):
    """The traceback of an error in another process."""


def _started(
    work: Callable[[Any], Any], rest: Callable[[], Any] | None, others: list[_Worker]
) -> _Worker:
    context = get_context("fork")
    ours, theirs = context.Pipe()
    inherited = [ours, *(worker.pipe for worker in others)]
    process = context.Process(target=_serve, args=(work, rest, theirs, inherited), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


# In a worker.


def _serve(
    work: Callable[[Any], Any],
    rest: Callable[[], Any] | None,
    pipe: "connection.Connection[Any, Any]",
    inherited: "list[connection.Connection[Any, Any]]",
) -> None:
    for other in inherited:  # or the end of this process would not be the end of their pipes
        other.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            item = pipe.recv()
        except EOFError:
            return
        try:
            result = rest() if rest and item == _REST else work(item)
            answer: tuple[Any, Exception | None, str] = (result, None, "")
        except Exception as error:
            answer = (None, error, "".join(format_exception(error)))
        pipe.send(answer)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
