"""Several processes that share one command's work, as torchrun starts them.

Sums are over all processes. A gradient flows only into what a process has computed itself, so the
sum of the gradients of all processes is that of one process with the whole batch.
"""

import os
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed

Value = TypeVar("Value")
_PATIENCE = timedelta(days=7)  # one may have much more to do than another


def rank() -> int:
    """Number this process, from 0: the first one alone writes and tells."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """Count the processes that were started together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def backend(device: str) -> str | None:
    """Name what the processes talk through; None if there is only one."""
    if count() == 1:
        return None
    return "gloo" if device == "cpu" else "nccl"


def join(device: str) -> None:
    """Meet the other processes; afterwards each has a device of its own."""
    if device.startswith("cuda"):
        local = os.environ.get("LOCAL_RANK") if count() > 1 else None
        torch.cuda.set_device(int(local) if local else torch.device(device).index or 0)
    if count() > 1 and not distributed.is_initialized():
        distributed.init_process_group(backend(device), timeout=_PATIENCE)


def leave() -> None:
    """Part from the other processes."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def wait() -> None:
    """Wait until all processes are here."""
    if count() > 1:
        distributed.barrier()


def first(work: Callable[[], Value], device: str) -> Value:
    """Let the first process do something while the others wait, and give all what it gives."""
    if count() == 1:
        return work()
    given: list[Value | None] = [work() if rank() == 0 else None]
    distributed.broadcast_object_list(given, device=torch.device(device))
    return given[0]  # type: ignore[return-value]  # it came from the first process


def own(items: int) -> range:
    """Give which of so many items are this process's."""
    return range(rank(), items, count())


def gathered(mine: torch.Tensor, items: int) -> torch.Tensor:
    """Put the rows of all processes, of which this one's are those of its `own`, in their order."""
    if count() == 1:
        return mine
    rows = torch.tensor(own(items), device=mine.device)
    here = mine.new_zeros((items, mine.shape[1])).index_copy(0, rows, mine)
    every = here.detach().clone()
    distributed.all_reduce(every)
    return here + (every - here.detach())


def summed(tensor: torch.Tensor) -> torch.Tensor:
    """Add up, in place, what each process has here."""
    if count() > 1:
        distributed.all_reduce(tensor)
    return tensor


def sum_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Add up the gradients of all processes, all of them at once: one message, not hundreds.

    What one process did not use counts as zero there; what none used stays without a gradient.
    """
    if count() == 1:
        return
    trained = [one for one in parameters if one.requires_grad]
    used = torch.tensor([one.grad is not None for one in trained]).to(trained[0].device, torch.int)
    shared = [one for one, times in zip(trained, summed(used).tolist(), strict=True) if times]
    gradients = [torch.zeros_like(one) if one.grad is None else one.grad for one in shared]
    flat = summed(torch.cat([gradient.flatten() for gradient in gradients]))
    parts = torch.split(flat, [one.numel() for one in shared])
    for one, whole in zip(shared, parts, strict=True):
        one.grad = whole.view_as(one)
