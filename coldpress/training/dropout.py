"""Dropout whose random numbers cost less than PyTorch's on a processor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_VALUES = 2**16
"""Numbers of 16 bits; the rate is rounded to a multiple of their inverse."""


@contextmanager
def fast_dropout(rate: float | None = None) -> Iterator[None]:
    """Let `torch.nn.functional.dropout` be `dropout` inside the context, for tensors on the CPU.

    PyTorch draws one number of 32 bits for each element, one after the other. This takes a fifth of
    a training step for short texts, and more for the attention of long ones; `dropout` draws one
    of 64 bits for four elements. `nn.Dropout` and transformers' attention call that function.

    Args:
        rate: Of every dropout; None: each call's own.
    """

    def dropout_in_training(
        input: Tensor,  # noqa: A002 - a name of PyTorch's function
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        return _dropout(input, p if rate is None else rate, training, inplace)

    usual = nn.functional.dropout
    nn.functional.dropout = dropout_in_training
    try:
        yield
    finally:
        nn.functional.dropout = usual


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


def _dropout(states: Tensor, rate: float, training: bool, inplace: bool) -> Tensor:
    """Choose by the arguments of `torch.nn.functional.dropout`."""
    if not training or rate == 0:
        return states
    # Graphics processors draw the numbers inside the kernel; a rate of 1 leaves nothing.
    if states.device.type != "cpu" or inplace or rate == 1:
        result: Tensor = (torch.dropout_ if inplace else torch.dropout)(states, rate, training)
        return result
    return dropout(states, rate)
