"""The same work on one item after another, in several processes; the results keep their order.

The processes are forked, so what the work needs, a lexicon above all, is in memory once and shared
between them. Few items wait at any time: memory does not grow with their number.

Items and results go through files in memory, whatever their size, and nobody has to wait until the
other end takes them; a pipe only tells that they are there. Each process has a pipe of its own, and
nobody else holds its ends. So the death of a process, in whatever it is doing, is the end of its
pipe and cannot go unnoticed. (concurrent.futures has one pipe for all results: a process that is
killed while it writes there leaves the others waiting.)
"""

import gc
import os
import pickle  # between a process and its forks: what it reads was written by this program
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection, get_context, parent_process
from multiprocessing.process import BaseProcess
from traceback import format_exception
from typing import Any, TypeVar

from cstool.errors import CstoolError

Item = TypeVar("Item")
Begun = TypeVar("Begun")
Result = TypeVar("Result")
_AHEAD = 4  # items that are worked on, or wait before or after it, per process
_SLOTS = 2  # of a process: while it works on an item, the next is there
_REST = "what a process has kept"  # asked for instead of an item


@dataclass(frozen=True)
class _Worker:
    process: BaseProcess
    pipe: "connection.Connection[Any, Any]"  # carries numbers of slots that were filled
    slots: list[int]  # files: an item goes there in one, and its result comes back in it
    tickets: dict[int, int] = field(default_factory=dict)  # of the slots in use

    @property
    def free(self) -> list[int]:
        """Give the numbers of the slots that are not in use."""
        return [number for number in range(_SLOTS) if number not in self.tickets]


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
    try:
        # Ctrl-C and a closed terminal reach every process: this one decides about the others. And
        # none may be told to end before it has set its own way to: it would run on as this one.
        ours = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)
        heard = signal.pthread_sigmask(signal.SIG_BLOCK, ours)
        try:
            for _ in range(count):
                workers.append(_started(work, rest, workers))
        except OSError as problem:
            raise CstoolError(f"{problem.strerror}; take fewer than {count} --workers") from problem
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, heard)
        yield partial(_mapped, _Desk(workers), rest is not None)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.process.join()
            worker.pipe.close()
            for slot in worker.slots:
                os.close(slot)


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


def _mapped(desk: "_Desk", with_rest: bool, items: Iterable[Any]) -> Iterator[Any]:
    yield from in_order(items, desk.give, desk.result, _AHEAD * len(desk.workers))
    if with_rest:
        yield from map(desk.result, [desk.give(_REST, worker) for worker in desk.workers])


class _Desk:
    """Gives items to processes that have room, and keeps their answers until they are asked for."""

    def __init__(self, workers: list[_Worker]) -> None:
        self.workers = workers
        self._answers: dict[int, tuple[Any, Exception | None, str]] = {}
        self._given = 0

    def give(self, item: Any, worker: _Worker | None = None) -> int:
        """Give an item to this process, or the least busy, and return a ticket for its result."""
        able = [worker] if worker else self.workers
        while not (chosen := max(able, key=lambda each: len(each.free))).free:
            self._hear()
        number = chosen.free[0]
        with _alive():
            _put(chosen.slots[number], item)
            chosen.pipe.send_bytes(bytes([number]))
        self._given += 1
        chosen.tickets[number] = self._given
        return self._given

    def result(self, ticket: int) -> Any:
        """Wait for the result; an error in the work is raised."""
        while ticket not in self._answers:
            self._hear()
        result, error, told = self._answers.pop(ticket)
        if error is not None:
            raise error from (None if isinstance(error, CstoolError) else _Remote(told))
        return result

    def _hear(self) -> None:
        ready = connection.wait([worker.pipe for worker in self.workers])
        for worker in self.workers:
            if worker.pipe in ready:
                with _alive():
                    number = worker.pipe.recv_bytes()[0]
                    self._answers[worker.tickets.pop(number)] = _take(worker.slots[number])


@contextmanager
def _alive() -> Iterator[None]:
    try:
        yield
    except (EOFError, ConnectionError) as problem:
        raise CstoolError(
            "a worker was killed; if memory ran out, take fewer --workers"
        ) from problem


def _put(file: int, value: Any) -> None:
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, "wb", closefd=False) as out:
        pickle.dump(value, out, pickle.HIGHEST_PROTOCOL)


def _take(file: int) -> Any:
    os.lseek(file, 0, os.SEEK_SET)
    with open(file, "rb", closefd=False) as given:
        return pickle.load(given)


def _file() -> int:
    """Open a file in memory, where the system has such, or one that has no name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("cstool")
    with tempfile.TemporaryFile() as made:
        return os.dup(made.fileno())


class _Remote(Exception):
    """The traceback of an error in another process."""


def _started(
    work: Callable[[Any], Any], rest: Callable[[], Any] | None, others: list[_Worker]
) -> _Worker:
    context = get_context("fork")
    ours, theirs = context.Pipe()
    slots = [_file() for _ in range(_SLOTS)]
    inherited = [ours, *(worker.pipe for worker in others)]
    given = (work, rest, theirs, slots, inherited)
    process = context.Process(target=_serve, args=given, daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours, slots)


# In a worker.


def _serve(
    work: Callable[[Any], Any],
    rest: Callable[[], Any] | None,
    pipe: "connection.Connection[Any, Any]",
    slots: list[int],
    inherited: "list[connection.Connection[Any, Any]]",
) -> None:
    for other in inherited:  # or the end of this process would not be the end of their pipes
        other.close()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTERM,))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            number = pipe.recv_bytes()[0]
        except EOFError:
            return
        slot = slots[number]
        try:
            item = _take(slot)
            result = rest() if rest and item == _REST else work(item)
            _put(slot, (result, None, ""))
        except Exception as error:
            _put(slot, (None, error, "".join(format_exception(error))))
        pipe.send_bytes(bytes([number]))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        connection.wait([parent.sentinel])
        os._exit(1)
