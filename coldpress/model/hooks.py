"""Forward hooks that are removed at the end of a block."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from torch.utils.hooks import RemovableHandle


@contextmanager
def remove_hooks(handles: Iterable[RemovableHandle]) -> Iterator[None]:
    """Remove hooks when the block ends, also by an error.

    Args:
        handles: What `register_forward_hook` and its relatives returned.
    """
    registered = list(handles)
    try:
        yield
    finally:
        for handle in registered:
            handle.remove()
