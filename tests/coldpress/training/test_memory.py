import platform
import subprocess
import sys

import pytest

COUNT_FAULTS = """
import resource

import numpy as np

from coldpress.training.memory import keep_freed_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def count():
    before = faults()
    for _ in range(5):
        np.ones(2**23)  # 64 MB, freed at once
    return faults() - before

count()
usual = count()
with keep_freed_memory():
    count()
    kept = count()
print(usual, kept, count())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the context needs glibc")
def test_large_arrays_reuse_memory_inside_the_context() -> None:
    """Each time they are allocated, 64 MB need 16,384 pages of 4 KiB or 32 of 2 MiB."""
    command = [sys.executable, "-c", COUNT_FAULTS]
    output = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    usual, kept, afterwards = map(int, output.split())
    assert kept < usual / 4
    assert afterwards > usual / 2
