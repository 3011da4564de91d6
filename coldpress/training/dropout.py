"""Dropout whose random numbers cost less than PyTorch's on a processor."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

_VALUES = 2**16
"""Numbers of 16 bits; the rate is rounded to a multiple of their inverse."""


class FastDropout(TorchFunctionMode):
    """Context in which `torch.nn.functional.dropout` is `dropout` for tensors on the CPU.

    PyTorch draws one number of 32 bits for each element, one after the other. This takes a fifth of
    a training step for short texts, and more for the attention of long ones; `dropout` draws one
    of 64 bits for four elements. `nn.Dropout` and transformers' attention call that function.
    """

    def __torch_function__(
        self,
        func: Callable[..., object],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> object:
        """Call a function of PyTorch, or `dropout` in its place."""
        if func is nn.functional.dropout:
            return _dropout(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def dropout(states: Tensor, rate: float) -> Tensor:
    """Zero random elements and scale the others, so that the expected value does not change.

    Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014,
    section 4, in its inverted form.

    Args:
        states: Any shape, on the CPU.
        rate: Probability of a zero, in [0, 1).
    """
    zeros = round(rate * _VALUES)
    integers = torch.empty(-(-states.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
    numbers = integers.view(torch.int16)[: states.numel()].view(states.shape)
    keep = (numbers >= zeros - _VALUES // 2).to(states.dtype)
    return states * keep.mul_(_VALUES / (_VALUES - zeros))


def _dropout(
    states: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False
) -> Tensor:
    """Choose by the arguments of `torch.nn.functional.dropout`."""
    if not training or p == 0:
        return states
    # Graphics processors draw the numbers inside the kernel; a rate of 1 leaves nothing.
    if states.device.type != "cpu" or inplace or p == 1:
        return nn.functional.dropout(states, p, training, inplace)
    return dropout(states, p)
