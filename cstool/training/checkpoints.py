"""What a training leaves on disk on its way: checkpoints to go on from, and the best weights."""

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from transformers import TrainerCallback

from cstool import files, processes
from cstool.errors import CstoolError
from cstool.settings import PLAN

_WHOLE = "whole.json"  # written last: without it, the process was killed while it wrote


class Checkpoints(TrainerCallback):
    """The folders `checkpoint-N` that the Trainer writes, and `best-N.safetensors`.

    N is a step. Best weights of an earlier step go when a checkpoint knows of better ones.
    """

    def __init__(self, work: Path) -> None:
        self._work = work
        self._best: int | None = None

    def check(self, plan: dict[str, Any]) -> None:
        """Complain if the run was begun otherwise; remove what was not written to its end."""
        begun = self._work / PLAN
        if not begun.is_file():
            if self.last():
                raise CstoolError(f"{self._work} cannot be resumed: its {PLAN} is gone")
            return
        old = orjson.loads(begun.read_bytes())
        plan = orjson.loads(orjson.dumps(plan))  # as it is read: a list is no tuple
        keys = sorted(key for key in plan.keys() | old.keys() if plan.get(key) != old.get(key))
        if keys:
            told = ", ".join(f"{key} was {old.get(key)}, is {plan.get(key)}" for key in keys)
            raise CstoolError(f"{self._work} cannot be resumed: {told}")
        for path in self._work.glob("checkpoint-*"):
            if not (path / _WHOLE).exists():
                shutil.rmtree(path)

    def last(self) -> Path | None:
        """Find the checkpoint to go on from."""
        whole = [path for path in self._work.glob("checkpoint-*") if (path / _WHOLE).exists()]
        return max(whole, key=_step, default=None)

    @contextmanager
    def saving(self, step: int, account: dict[str, Any]) -> Iterator[None]:
        """Let a checkpoint be written, with an account of the steps before it.

        CstoolError, without a trace of it, if that fails.
        """
        folder = self._work / f"checkpoint-{step}"
        try:
            yield
            processes.wait()  # every process has its part in it
            if processes.rank() == 0:
                with files.atomic(folder / _WHOLE) as out:
                    out.write(orjson.dumps(account))
        except (CstoolError, OSError, RuntimeError, SafetensorError) as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise self._unwritable(f"the checkpoint of step {step}", error) from error

    @staticmethod
    def account(checkpoint: Path) -> dict[str, Any]:
        """Give the account that was written with a checkpoint."""
        account: dict[str, Any] = orjson.loads((checkpoint / _WHOLE).read_bytes())
        return account

    def save_best(self, model: Any, step: int) -> None:
        """Keep the weights of this step."""
        self._best = step
        if processes.rank():
            return
        path = self._path(step)
        part = path.with_suffix(".part")
        try:
            save_model(model, str(part))
            part.replace(path)
        except (OSError, RuntimeError, SafetensorError) as error:
            part.unlink(missing_ok=True)
            raise self._unwritable(f"the weights of step {step}", error) from error

    def load_best(self, model: Any, step: int) -> None:
        """Give a model the weights that were kept."""
        try:
            load_model(model, str(self._path(step)))
        except (OSError, SafetensorError) as error:
            raise CstoolError(f"{self._path(step)}: the best weights: {error}") from error

    @staticmethod
    def best_step(values: Sequence[dict[str, float]], by: str) -> int:
        """Find the step with the best value; the loss decides between equal ones, then the step."""

        def rank(row: dict[str, float]) -> tuple[float, float, float]:
            return (row[by] if by == "loss" else -row[by], row["loss"], row["step"])

        return int(min(values, key=rank)["step"])

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Forget the best weights of before; until now, one might have had to go back to them."""
        if processes.rank() == 0 and self._best is not None:
            for path in self._work.glob("best-*.safetensors"):
                if _step(path) < self._best:
                    path.unlink()

    def _path(self, step: int) -> Path:
        return self._work / f"best-{step}.safetensors"

    def _unwritable(self, what: str, error: Exception) -> CstoolError:
        reason = str(error).strip().splitlines()[0]
        last = self.last()
        kept = f"--resume goes on from step {_step(last)}" if last else "nothing was saved before"
        return CstoolError(f"{self._work}: {what} cannot be written ({reason}): make room; {kept}")


def _step(path: Path) -> int:
    found = re.search(r"-(\d+)", path.name)
    return int(found[1]) if found else -1
