import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource, sys
import torch
from cstool.devices import keep_memory

keep_memory(sys.argv[1])

def fill(times):
    for _ in range(times):
        torch.ones(1 << 24)  # 64 MiB, more than glibc would keep
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

first = fill(60)  # until what is left between others fits
print(fill(10) - first)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="others keep what they like")
def test_memory_of_tensors_is_kept_for_the_next():
    """Otherwise each page comes from the kernel anew, 4 KiB or 2 MiB large: a fault for each."""

    def faults(device):
        command = [sys.executable, "-c", FAULTS, device]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    assert faults("cpu") < 100 < faults("cuda")
