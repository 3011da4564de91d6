"""Ranks: processes that train one model together, each on its share of every batch.

All ranks run the same code on the same data and hold the same weights. In a single process, which
is no part of a process group, every function here leaves its input as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, distributed, nn

if TYPE_CHECKING:
    from collections.abc import Callable


class LostRankError(Exception):
    """Another rank has ended, so that this one cannot go on; the cause is reported there."""


def rank_count() -> int:
    """Return the number of ranks."""
    return distributed.get_world_size() if _in_group() else 1


def rank_number() -> int:
    """Return the number of this rank, from 0."""
    return distributed.get_rank() if _in_group() else 0


def is_first() -> bool:
    """Return whether this is the rank that writes files and reports."""
    return rank_number() == 0


def own_rows(rows: int) -> slice:
    """Return which rows of a batch this rank computes: neighbours, as many as every other rank.

    Args:
        rows: Of the batch. If there are fewer than ranks, each rank computes all of them.
    """
    count, number = rank_count(), rank_number()
    if rows < count:
        return slice(0, rows)
    return slice(rows * number // count, rows * (number + 1) // count)


def gather_rows(own: Tensor, start: int, total: int) -> Tensor:
    """Join the rows of all ranks, so that a loss can be computed over the whole batch.

    All ranks must call this, and compute the same loss from the result. `average_gradients` then
    gives the gradient of the whole batch, whatever the loss.

    Args:
        own: Shape (own rows, ...).
        start: Number of this rank's first row.
        total: Rows of the batch.

    Returns:
        Shape (total, ...). Gradients flow to this rank's rows only.
    """
    gathered: Tensor = _GatherRows.apply(own, start, total)  # type: ignore[no-untyped-call]
    return gathered


class _GatherRows(torch.autograd.Function):
    """The gradient is multiplied by the number of ranks, since an average over them follows.

    The average of what all ranks compute alike, such as the gradient of a parameter that the loss
    reads directly, is thereby right, too.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, start: int, total: int) -> Tensor:  # noqa: ANN401
        ctx.rows = slice(start, start + len(own))
        gathered = own.new_zeros(total, *own.shape[1:])
        gathered[ctx.rows] = own
        return sum_in_place(gathered)  # the rows of other ranks are zeros: sums are exact

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        return gradients[0][ctx.rows] * rank_count(), None, None


def sum_in_place(values: Tensor) -> Tensor:
    """Replace values by their sums over all ranks, and return them."""
    if _in_group():
        with _lost_ranks():
            distributed.all_reduce(values)
    return values


def average_gradients(parameters: Iterable[Tensor]) -> None:
    """Replace the gradients of parameters by their averages over all ranks."""
    average_in_place([p.grad for p in parameters if p.grad is not None])


def average_in_place(tensors: Iterable[Tensor]) -> None:
    """Replace tensors by their averages over all ranks."""
    if not _in_group():
        return
    tensors = list(tensors)
    with _lost_ranks():
        # One buffer for all would be copied twice, which takes longer than more messages.
        for work in [distributed.all_reduce(tensor, async_op=True) for tensor in tensors]:
            work.wait()
    for tensor in tensors:
        tensor.div_(rank_count())


def widest_range(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
    """Return the lowest and the highest value of all ranks.

    Args:
        low: The lowest of this rank, a scalar.
        high: The highest of this rank.
    """
    if not _in_group():
        return low, high
    bounds = torch.stack([-low, high])
    with _lost_ranks():
        distributed.all_reduce(bounds, distributed.ReduceOp.MAX)
    return -bounds[0], bounds[1]


def copy_from_first(module: nn.Module) -> None:
    """Give a module the parameters and buffers that it has on the first rank."""
    if not _in_group():
        return
    with _lost_ranks(), torch.no_grad():
        for tensor in module.state_dict().values():
            distributed.broadcast(tensor, 0)


def from_first(compute: Callable[[], str]) -> str:
    """Return a text that only the first rank computes, such as a measurement.

    Args:
        compute: Called on the first rank, while the others wait.
    """
    if not _in_group():
        return compute()
    text = compute().encode() if is_first() else b""
    length = sum_in_place(torch.tensor([len(text)]))
    content = torch.zeros(int(length), dtype=torch.uint8)
    if is_first():
        content.copy_(torch.frombuffer(bytearray(text), dtype=torch.uint8))
    return bytes(sum_in_place(content).numpy()).decode()


class OwnRandomness:
    """Random numbers of each rank, such as those of dropout; all others are those of all ranks.

    The shared generator stays the same on every rank: it draws the order of the batches.
    """

    def __init__(self) -> None:
        shared = torch.get_rng_state()
        seed = int(torch.randint(2**62, (1,))) + rank_number()
        torch.set_rng_state(shared)  # a single process would not have drawn from it
        self._state = torch.Generator().manual_seed(seed).get_state()
        if torch.cuda.is_available() and _in_group():
            torch.cuda.manual_seed(seed)

    @contextmanager
    def draw(self) -> Iterator[None]:
        """Draw this rank's own numbers inside the context."""
        shared = torch.get_rng_state()
        torch.set_rng_state(self._state)
        try:
            yield
        finally:
            self._state = torch.get_rng_state()
            torch.set_rng_state(shared)


def _in_group() -> bool:
    return distributed.is_available() and distributed.is_initialized()


@contextmanager
def _lost_ranks() -> Iterator[None]:
    """Tell the end of another rank from an error of this one."""
    try:
        yield
    except RuntimeError as error:
        raise LostRankError(str(error)) from error
