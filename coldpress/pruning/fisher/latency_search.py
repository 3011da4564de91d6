"""Which heads and neurons fit a measured latency (Kwon et al. 2022, section 4.1, algorithm 1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from coldpress.pruning.fisher.mask_search import KeptUnits, fisher_diagonal
from coldpress.pruning.importance import most_important

Knots = tuple[tuple[int, float], ...]
"""Milliseconds that a layer takes longer with so many units than with one; linear in between."""
Values = NDArray[np.float64]

# Parts that the spare time is dealt out in; what a sublayer takes is rounded up to whole parts.
PARTS = 2000


@dataclass(frozen=True)
class LatencyTable:
    """What one text costs on the machine that measured it.

    Attributes:
        tokens: Length of the text.
        smallest: Milliseconds of a model with one head and one neuron in each layer.
        heads: What more heads in a layer add.
        neurons: What more neurons in a layer add.
        cpu_share: CPU time of the timed calls over their wall time; where it is below 1, other
            processes had the processor meanwhile, and the times are CPU time.
    """

    tokens: int
    smallest: float
    heads: Knots
    neurons: Knots
    cpu_share: float = 1.0


def search_by_latency(
    heads: Sequence[Tensor], neurons: Sequence[Tensor], table: LatencyTable, keep_latency: float
) -> KeptUnits:
    """Minimise the sum of I_ii over what goes, under a budget of time.

    I_ii is that of equation 5's diagonal. Entries need not be proportional to the number of units,
    as a count of operations is: how many stay in each layer is found by dynamic programming.

    Args:
        heads: Gradients of shape (rows, heads), a tensor a layer.
        neurons: Gradients of shape (rows, neurons), a tensor a layer.
        table: What each number of heads and of neurons takes.
        keep_latency: The budget, as a share of what the model takes by the table.

    Returns:
        What stays, at least one head and one neuron in each layer, even beyond the budget.
    """
    units = [*fisher_diagonal(heads), *fisher_diagonal(neurons)]
    knots = [table.heads] * len(heads) + [table.neurons] * len(neurons)
    prices = [_prices(k, len(layer)) for k, layer in zip(knots, units, strict=True)]
    whole = sum(float(price[-1]) for price in prices)
    spare = keep_latency * (table.smallest + whole) - table.smallest
    numbers = [len(layer) for layer in units]
    if spare < whole * (1 - 1e-9):
        numbers = _unit_counts([_removed_importance(layer) for layer in units], prices, spare)
    stay = [most_important([u], n)[0] for u, n in zip(units, numbers, strict=True)]
    return KeptUnits(stay[: len(heads)], stay[len(heads) :])


def _prices(knots: Knots, units: int) -> Values:
    numbers, milliseconds = zip(*knots, strict=True)
    prices: Values = np.interp(np.arange(1, units + 1), numbers, milliseconds)
    return prices


def _removed_importance(importance: Tensor) -> Values:
    """Importance that goes when 1, 2, ... units stay."""
    kept = np.cumsum(np.sort(importance.numpy())[::-1])
    lost: Values = kept[-1] - kept
    return lost


def _unit_counts(lost: Sequence[Values], prices: Sequence[Values], spare: float) -> list[int]:
    """How many units stay in each sublayer; one where there is no time to spare."""
    if spare <= 0:
        # Only what takes no time at all stays beside the first.
        return [int(np.searchsorted(price, 0.0, side="right")) for price in prices]
    best, choices = np.zeros(PARTS + 1), []
    for gone, price in zip(lost, prices, strict=True):
        best, choice = _add_sublayer(best, gone, _to_parts(price, spare))
        choices.append(choice)
    left, numbers = PARTS, []
    for choice, price in zip(reversed(choices), reversed(prices), strict=True):
        numbers.append(int(choice[left]))
        left -= int(_to_parts(price, spare)[numbers[-1] - 1])
    return numbers[::-1]


def _to_parts(price: Values, spare: float) -> NDArray[np.int64]:
    # A budget that is spent exactly must not be missed by rounding.
    return np.ceil(price / spare * PARTS - 1e-6).astype(np.int64)


def _add_sublayer(
    best: Values, lost: Values, parts: NDArray[np.int64]
) -> tuple[Values, NDArray[np.int64]]:
    """Deal out 0, 1, ... parts to the sublayers so far and one more: what is lost, its units."""
    least, units = np.full(PARTS + 1, np.inf), np.ones(PARTS + 1, dtype=np.int64)
    # Of the numbers that take equally many parts the largest loses least.
    for number in np.searchsorted(parts, np.unique(parts[parts <= PARTS]), side="right"):
        taken = parts[number - 1]
        tried = best[: PARTS + 1 - taken] + lost[number - 1]
        better = tried <= least[taken:]
        least[taken:][better], units[taken:][better] = tried[better], number
    return least, units
