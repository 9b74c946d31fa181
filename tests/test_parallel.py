import errno
import itertools
import multiprocessing
import os
import pickle
import resource
import signal
import subprocess
import sys
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cstool.errors import CstoolError, DataError
from cstool.parallel import in_order, processes


class Begun:
    """Work that is done when its result is asked for, and a count of what is under way."""

    def __init__(self):
        self.under_way = self.most = 0

    def begin(self, item):
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        return item

    def result(self, item):
        self.under_way -= 1
        return item * item


@given(st.lists(st.integers()), st.integers(1, 9))
def test_results_come_in_the_order_of_the_items(items, ahead):
    begun = Begun()
    assert list(in_order(items, begun.begin, begun.result, ahead)) == [n * n for n in items]
    assert begun.most == min(ahead, len(items))


@given(st.integers(0, 9), st.integers(1, 9))
def test_an_error_in_getting_an_item_comes_after_the_results_before_it(good, ahead):
    def items():
        yield from range(good)
        raise CstoolError("no more")

    begun, results = Begun(), []
    with pytest.raises(CstoolError, match="no more"):
        results.extend(in_order(items(), begun.begin, begun.result, ahead))
    assert results == [n * n for n in range(good)]


@pytest.mark.parametrize("count", [1, 2, 4])
def test_processes_work_as_map_does(count):
    """What they do need not be picklable: it is there when they are forked."""
    base = object()
    with processes(lambda item: (item, base is not None), count) as mapped:
        assert list(mapped(range(50))) == [(n, True) for n in range(50)]
        assert list(mapped([])) == []


@pytest.mark.parametrize("count", [1, 2])
def test_what_processes_keep_comes_last(count):
    kept = []

    def work(item):
        kept.append(item)
        return item

    def rest():
        return sum(kept)

    with processes(work, count, rest) as mapped:
        results = list(mapped(range(20)))
    assert results[:20] == list(range(20))
    assert len(results) == 20 + count
    assert sum(results[20:]) == sum(range(20))


def test_several_processes_share_the_work():
    def work(item):
        time.sleep(0.05)
        return os.getpid()

    with processes(work, 2) as mapped:
        workers = set(mapped(range(8)))
        assert len(workers) == 2
        assert os.getpid() not in workers
    with processes(work, 1) as mapped:
        assert set(mapped(range(2))) == {os.getpid()}


def test_the_order_is_kept_when_the_first_takes_longest():
    def work(item):
        time.sleep(0.3 if item == 0 else 0)
        return item

    with processes(work, 2) as mapped:
        assert list(mapped(range(20))) == list(range(20))


def test_items_and_results_of_any_size_keep_nobody_waiting():
    """A pipe would be full of the next items while their process waits to be rid of a result."""
    sizes = [10_000_000, 0, 5_000_000, 1, 20_000_000, 300, 70_000] * 3
    with processes(lambda item: item * 2, 2) as mapped:
        results = mapped(bytes([1]) * size for size in sizes)
        assert len(next(results)) == 2 * sizes[0]
        assert [len(each) for each in results] == [2 * size for size in sizes[1:]]


def test_few_items_are_taken_ahead_of_the_results():
    taken = itertools.count()
    with processes(lambda item: item, 2) as mapped:
        results = mapped(iter(lambda: next(taken), None))
        assert list(itertools.islice(results, 10)) == list(range(10))
    assert next(taken) <= 10 + 2 * 4


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_comes_out_in_the_place_of_its_result(count):
    def work(item):
        if item == 7:
            raise DataError("x.jsonl", item, "is wrong")
        return item

    results = []
    with (
        pytest.raises(DataError, match=r"^x.jsonl:7: is wrong$"),
        processes(work, count) as mapped,
    ):
        results.extend(mapped(range(100)))
    assert results == list(range(7))
    assert multiprocessing.active_children() == []


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError) as caught, processes(lambda item: 1 // item, 2) as mapped:
        list(mapped([0]))
    assert "lambda item: 1 // item" in str(caught.value.__cause__)


@pytest.mark.parametrize("work", [lambda item: lambda: item, lambda item: bytes(1 << 20)])
def test_what_cannot_be_handed_back_is_an_error_like_others(work):
    """A function has no name to be sent by; and a limit on the size of files is one on all."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 16, limits[1]))
    try:
        with (
            pytest.raises((pickle.PicklingError, AttributeError, OSError)) as caught,
            processes(work, 2) as mapped,
        ):
            list(mapped(range(3)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "pickle" in str(caught.value) or caught.value.errno == errno.EFBIG


def test_more_processes_than_the_system_allows_are_one_sentence():
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (60, limits[1]))
    try:
        with (
            pytest.raises(
                CstoolError, match=r"^Too many open files; take fewer than 30 --workers$"
            ),
            processes(abs, 30),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert multiprocessing.active_children() == []


def test_processes_end_with_the_block():
    with processes(lambda item: item, 3) as mapped:
        assert len(multiprocessing.active_children()) == 3
        next(mapped(itertools.count()))
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_is_one_sentence(number):
    def work(item):
        if item == 3:
            os.kill(os.getpid(), number)
        return item

    with (
        pytest.raises(CstoolError, match=r"^a worker was killed; if memory ran out, take fewer "),
        processes(work, 2) as mapped,
    ):
        list(mapped(range(100)))
    assert multiprocessing.active_children() == []


def alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_processes_end_when_the_first_one_is_killed():
    code = (
        "import multiprocessing, sys, time\n"
        "from cstool.parallel import processes\n"
        "with processes(lambda item: time.sleep(60), 2) as mapped:\n"
        "    pids = [child.pid for child in multiprocessing.active_children()]\n"
        "    print(*pids, flush=True)\n"
        "    list(mapped(range(2)))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        children = [int(pid) for pid in process.stdout.readline().split()]
        assert len(children) == 2
        assert all(map(alive, children))
        process.kill()
        process.stdout.read()  # the pipe is closed only when all who have it are gone
    deadline = time.monotonic() + 20
    while any(map(alive, children)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_process_that_is_killed_while_it_writes_does_not_keep_others_waiting():
    """Half a result is in its pipe, which holds less, and nothing more will come."""

    def work(item):
        if item == 0:
            threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGKILL)).start()
            return Slow()
        return item

    with pytest.raises(CstoolError, match=r"^a worker was killed"), processes(work, 2) as mapped:
        list(mapped(range(100)))


class Slow:
    """What takes so long to be sent that there is time to kill whoever sends it."""

    def __reduce__(self):
        time.sleep(60)
        return Slow, ()
