"""The processes that torchrun started, of which each has a part of every batch."""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Self, TypeVar

import torch
from torch import distributed

from cstool.devices import find_device

Value = TypeVar("Value")
_PATIENCE = timedelta(hours=12)  # the first process may read large texts while the others wait


@dataclass(frozen=True)
class Team:
    """One process among `size`; alone, everything is where it was and nothing is sent.

    Sums are over all processes. A gradient flows only into what a process has computed itself, so
    the sum of the gradients of all processes is that of one process with the whole batch.
    """

    device: str
    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: str) -> Self:
        """Join the others, if torchrun has started this process; each takes a device of its own."""
        size = int(os.environ.get("WORLD_SIZE", "1"))
        place = find_device(device)
        if size == 1:
            return cls(place)
        if place == "cuda":
            place = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(place)
        if not distributed.is_initialized():
            backend = "nccl" if place.startswith("cuda") else "gloo"
            distributed.init_process_group(backend, timeout=_PATIENCE)
        return cls(place, distributed.get_rank(), size)

    def first(self, work: Callable[[], Value]) -> Value:
        """Let the first process do something while the others wait, and give all what it gives."""
        if self.size == 1:
            return work()
        given: list[Value | None] = [work() if self.rank == 0 else None]
        distributed.broadcast_object_list(given, device=torch.device(self.device))
        return given[0]  # type: ignore[return-value]  # it came from the first process

    def own(self, count: int) -> range:
        """Give which of so many items are this process's."""
        return range(self.rank, count, self.size)

    def gathered(self, own: torch.Tensor, count: int) -> torch.Tensor:
        """Put the rows of all processes, of which this one's are `own`, into their order."""
        if self.size == 1:
            return own
        rows = torch.tensor(self.own(count), device=own.device)
        mine = own.new_zeros((count, own.shape[1])).index_copy(0, rows, own)
        every = mine.detach().clone()
        distributed.all_reduce(every)
        return mine + (every - mine.detach())

    def summed(self, value: torch.Tensor) -> torch.Tensor:
        """Add up what the processes have."""
        if self.size > 1:
            distributed.all_reduce(value)
        return value

    def sum_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Add up the gradients; a process without a part in the batch has none of its own."""
        if self.size == 1:
            return
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
