"""The processes that torchrun starts for one command: which one is this, and waiting for all."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

_PATIENCE = timedelta(days=7)  # one may have much more to do than another


@dataclass(frozen=True)
class Team:
    """`rank` of `size` processes; `wait` returns when all have come there."""

    rank: int = 0
    size: int = 1
    wait: Callable[[], object] = lambda: None

    def device(self, name: str) -> str:
        """Give each process of a machine a device of its own, where CUDA has several."""
        local = os.environ.get("LOCAL_RANK")
        return f"cuda:{local}" if self.size > 1 and name == "cuda" and local else name


@contextmanager
def team() -> Iterator[Team]:
    """Join the others that torchrun has started, if it has."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield Team()
        return
    import torch.distributed as dist

    dist.init_process_group("gloo", timeout=_PATIENCE)
    try:
        yield Team(dist.get_rank(), size, dist.barrier)
    finally:
        dist.destroy_process_group()
