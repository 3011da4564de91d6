"""Forward hooks that are removed at the end of a block, and inputs recorded by them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn
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


@contextmanager
def record_inputs(modules: Sequence[nn.Module]) -> Iterator[dict[nn.Module, Tensor]]:
    """Record the first argument of each module's last call inside the block.

    Args:
        modules: Of a model that is run inside the block.
    """
    inputs: dict[nn.Module, Tensor] = {}

    def record(module: nn.Module, arguments: tuple[Tensor, ...]) -> None:
        inputs[module] = arguments[0]

    with remove_hooks(module.register_forward_pre_hook(record) for module in modules):
        yield inputs
