"""The same work on one item after another, in tasks of a Ray cluster; the results keep their order.

What a task gives depends on its item alone, so Ray may do it again on another machine when one is
lost, and nothing is lost or comes twice.
"""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from cstool.errors import CstoolError
from cstool.parallel import in_order

Item = TypeVar("Item")
Result = TypeVar("Result")
_AHEAD = 4  # items that are worked on or wait, per CPU


@contextmanager
def tasks(
    work: Callable[[Item], Result], count: int
) -> Iterator[Callable[[Iterable[Item]], Iterator[Result]]]:
    """Join a cluster and give a function that works as `map(work, items)` does in one process.

    It is the cluster that RAY_ADDRESS names, or the one that `ray start` began on this machine; if
    there is none, one with `count` CPUs is started here and ends with the block. An error in the
    work comes out in the place of its result; CstoolError if Ray cannot be reached or gives up.
    """
    try:
        import ray
    except ImportError as error:
        raise CstoolError("Ray is not installed: pip install 'cstool[ray]'") from error
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would ask the network
    # Ray tells of lost tasks on stdout, where data may go.
    with contextlib.redirect_stdout(sys.stderr):
        _connect(ray, count)
        try:
            yield _mapped(ray, work)
        finally:
            ray.shutdown()


def _mapped(
    ray: Any, work: Callable[[Item], Result]
) -> Callable[[Iterable[Item]], Iterator[Result]]:
    given = [ray.put(work)]  # in a list, or Ray would unpack it anew for every item
    task = ray.remote(_do)
    ahead = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))

    def begin(item: Item) -> Any:
        return task.remote(given, item)

    def mapped(items: Iterable[Item]) -> Iterator[Result]:
        get: Callable[[Any], Result] = ray.get
        try:
            yield from in_order(items, begin, get, ahead)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, CstoolError):  # whose text has no traceback in it
                raise error.cause from None
            raise
        except ray.exceptions.RayError as error:
            raise CstoolError(f"Ray: {error}") from error

    return mapped


def _connect(ray: Any, count: int) -> None:
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    heard = signal.getsignal(signal.SIGTERM)
    try:
        try:
            ray.init("auto", **quiet)
        except ConnectionError:
            if "RAY_ADDRESS" in os.environ:
                raise
            ray.init("local", num_cpus=count, include_dashboard=False, **quiet)
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise CstoolError(f"Ray: {error}") from error
    finally:
        with contextlib.suppress(ValueError):  # not the main thread: it cannot have been changed
            signal.signal(signal.SIGTERM, heard)  # Ray takes it for itself


# In a task. What the work needs is unpacked once per process, not once per item.
_work: dict[Any, Callable[[Any], Any]] = {}


def _do(given: list[Any], item: Any) -> Any:
    import ray

    [reference] = given
    if reference not in _work:
        _work.clear()
        _work[reference] = ray.get(reference)
    return _work[reference](item)
