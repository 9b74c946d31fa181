"""Where the products are computed: the name of a device that torch has."""

import contextlib
import ctypes
import resource

import torch

from cstool.errors import CstoolError

# Numbers of glibc's malloc.h, and bytes. mallopt(3) documents 32 MiB as the limit of the threshold
# of mmap; glibc 2.36 takes more.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
_LARGE, _DOCUMENTED = 1 << 30, 1 << 25


def find_device(name: str = "auto") -> str:
    """Choose CUDA where there is one, else the CPU; CstoolError if the device asked for is none."""
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise CstoolError(f"device {name}: torch finds no CUDA device")
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError) as error:
        raise CstoolError(f"device {name}: {str(error).splitlines()[0]}") from error
    return name


def half_precision(device: str) -> str | None:
    """Name the 16-bit format that the device is fast in; none on the CPU."""
    if not device.startswith("cuda"):
        return None
    return "bf16" if torch.cuda.is_bf16_supported() else "fp16"


def peak_memory(device: str) -> int:
    """Give the bytes taken at most until now: of the GPU, or of this process on the CPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def processor_multiplies_bf16() -> bool:
    """Tell whether the CPU has instructions for bf16, which make it faster than fp32."""
    # torch asks the processor itself; a version that cannot be asked is taken to have none.
    asked = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name, bool)() for name in asked)


def lacks_memory(error: RuntimeError) -> bool:
    """Tell whether this is how torch says that the device has no memory left."""
    return isinstance(error, torch.OutOfMemoryError) or "DefaultCPUAllocator" in str(error)


def keep_memory(device: str) -> None:
    """Let this process keep what tensors on the CPU leave, for the next ones.

    glibc would give large pieces back, and the kernel would clear them each time: as much work as
    some layers. Without glibc, and for other devices, nothing is done.
    """
    if device != "cpu":
        return
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _LARGE)
        if not mallopt(_MMAP_THRESHOLD, _LARGE):
            mallopt(_MMAP_THRESHOLD, _DOCUMENTED)
