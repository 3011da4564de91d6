"""The C library's allocator during training."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator
from contextlib import contextmanager

# Parameters of mallopt(3).
_TRIM_THRESHOLD = -1
_MMAP_THRESHOLD = -3
_LARGEST = 2**31 - 1
_USUAL = 32 * 2**20
"""Bytes; the largest threshold that the allocator chooses by itself."""


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Let the process keep freed memory inside the context, and return it afterwards.

    Each training step allocates and frees the same tensors. By default the memory of those above 32
    MB returns to the system, which clears the pages again in the next step. Other C libraries than
    glibc are left as they are.
    """
    if sys.platform != "linux" or not hasattr(libc := ctypes.CDLL(None), "malloc_trim"):
        yield
        return
    libc.mallopt(_MMAP_THRESHOLD, _LARGEST)
    libc.mallopt(_TRIM_THRESHOLD, _LARGEST)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_THRESHOLD, _USUAL)
        libc.mallopt(_TRIM_THRESHOLD, 2 * _USUAL)
        libc.malloc_trim(0)
