"""Everything said to a person goes to stderr, through here."""

import functools
import math
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rich takes a tenth of a second to load: only who has something to say pays
    from rich.console import Console
    from rich.progress import Progress, TaskID


@functools.cache
def err() -> "Console":
    """Give the console for people: stderr, so that stdout is data only."""
    from rich.console import Console

    # No emoji: in "train.jsonl:100: ..." rich would read ":100:" as the name of one.
    return Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


class Bar:
    """One line of progress; does nothing when stderr is no terminal."""

    def __init__(self, live: "Progress | None" = None, task: "TaskID | None" = None) -> None:
        self._live, self._task = live, task

    def update(self, completed: float, note: str = "") -> None:
        """Say how far the work is, in the units of the total, and anything worth a word."""
        if self._live is not None and self._task is not None:
            self._live.update(self._task, completed=completed, note=note)


@contextmanager
def progress(label: str, total: float | None) -> Iterator[Bar]:
    """Show a line of progress until the block ends; several may be open at once."""
    if not err().is_terminal:
        yield Bar()
        return
    live = _live()
    if not live.tasks:
        live.start()
    task = live.add_task(label, total=total, note="")
    try:
        yield Bar(live, task)
    finally:
        live.remove_task(task)
        if not live.tasks:
            live.stop()


@contextmanager
def steps(label: str, unit: str = "step") -> Iterator[Callable[[int, int, float], None]]:
    """Show training: a line of progress, or a plain line every tenth where nothing may move.

    The function it gives takes the step, of how many, and the loss (NaN while there is none yet).
    """
    from time import perf_counter

    with ExitStack() as stack:
        bars: list[Bar] = []
        begun, tenth = perf_counter(), 0

        def on_step(step: int, of: int, loss: float) -> None:
            nonlocal tenth
            if not bars:
                bars.append(stack.enter_context(progress(label, of)))
            told = f"{unit} {step} of {of}" + (f", loss {loss:.4f}" if math.isfinite(loss) else "")
            bars[0].update(step, told)
            before, tenth = tenth, step * 10 // of
            if not err().is_terminal and tenth > before:
                say(f"{told}, {perf_counter() - begun:.0f} s")

        yield on_step


def say(message: str) -> None:
    """Tell the outcome of a command in one line."""
    err().print(f"cstool: {message}", markup=False)


def warn(message: str) -> None:
    """Tell about something that the user should look at, in one line."""
    err().print(f"cstool: warning: {message}", style="yellow", markup=False)


def fail(message: str) -> None:
    """Say what went wrong, in one line a script can grep."""
    err().print(f"cstool: {message}", style="red", markup=False)


@functools.cache
def _live() -> "Progress":
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
    from rich.progress import TimeRemainingColumn as Remaining

    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(show_speed=False),
        Remaining(compact=True),
        TextColumn("{task.fields[note]}"),
        console=err(),
        transient=True,
    )
