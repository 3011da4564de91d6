"""Search for heads and neurons within a latency budget (Kwon et al. 2022, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from coldpress.pruning.fisher.mask_search import KeptUnits, fisher_diagonal
from coldpress.pruning.importance import most_important

Knots = tuple[tuple[int, float], ...]
"""Milliseconds by which a layer with so many units is slower than with one; linear in between."""
Values = NDArray[np.float64]

# The budget is divided into this many parts; the time of a sublayer is rounded up to whole parts.
PARTS = 2000


@dataclass(frozen=True)
class LatencyTable:
    """Latency of one text on the machine that measured it.

    Attributes:
        tokens: Length of the text.
        smallest: Milliseconds of a model with one head and one neuron in each layer.
        heads: Time added by more heads in a layer.
        neurons: Time added by more neurons in a layer.
        cpu_share: CPU time of the timed calls over their wall time. Below 1, other processes used
            the processor meanwhile, and the times are CPU time.
    """

    tokens: int
    smallest: float
    heads: Knots
    neurons: Knots
    cpu_share: float = 1.0


def search_by_latency(
    heads: Sequence[Tensor], neurons: Sequence[Tensor], table: LatencyTable, keep_latency: float
) -> KeptUnits:
    """Minimise the sum of I_ii over the removed units within a latency budget (algorithm 1).

    I_ii is the diagonal of equation 5. Unlike operations, times need not be proportional to the
    number of units: the number of units in each layer is found by dynamic programming.

    Args:
        heads: Gradients, one tensor of shape (rows, heads) per layer.
        neurons: Gradients, one tensor of shape (rows, neurons) per layer.
        table: Latency by number of heads and of neurons.
        keep_latency: The budget, as a share of the whole model's latency by the table.

    Returns:
        The units to keep: at least one head and one neuron per layer, even beyond the budget.
    """
    importance = [*fisher_diagonal(heads), *fisher_diagonal(neurons)]
    knots = [table.heads] * len(heads) + [table.neurons] * len(neurons)
    prices = [_prices(k, len(layer)) for k, layer in zip(knots, importance, strict=True)]
    total = sum(float(price[-1]) for price in prices)
    budget = keep_latency * (table.smallest + total) - table.smallest
    counts = [len(layer) for layer in importance]
    if budget < total * (1 - 1e-9):
        counts = _unit_counts([_removed_importance(layer) for layer in importance], prices, budget)
    units = [most_important([i], count)[0] for i, count in zip(importance, counts, strict=True)]
    return KeptUnits(units[: len(heads)], units[len(heads) :])


def _prices(knots: Knots, units: int) -> Values:
    """Return the milliseconds added by 1, 2, ... units."""
    counts, milliseconds = zip(*knots, strict=True)
    prices: Values = np.interp(np.arange(1, units + 1), counts, milliseconds)
    return prices


def _removed_importance(importance: Tensor) -> Values:
    """Return the importance removed if 1, 2, ... units are kept."""
    cumulative = np.cumsum(np.sort(importance.numpy())[::-1])
    removed: Values = cumulative[-1] - cumulative
    return removed


def _unit_counts(removed: Sequence[Values], prices: Sequence[Values], budget: float) -> list[int]:
    """Return the number of units to keep in each sublayer.

    Args:
        removed: Importance removed by number of units, for each sublayer.
        prices: Milliseconds by number of units, for each sublayer.
        budget: Milliseconds beyond those of the smallest model.
    """
    if budget <= 0:
        # One unit, and those that take no more time than one.
        return [int(np.searchsorted(price, 0.0, side="right")) for price in prices]
    best = np.zeros(PARTS + 1)
    choices = []
    for sublayer, price in zip(removed, prices, strict=True):
        best, choice = _add_sublayer(best, sublayer, _to_parts(price, budget))
        choices.append(choice)
    parts = PARTS
    counts: list[int] = []
    for choice, price in zip(reversed(choices), reversed(prices), strict=True):
        counts.append(int(choice[parts]))
        parts -= int(_to_parts(price, budget)[counts[-1] - 1])
    return counts[::-1]


def _to_parts(price: Values, budget: float) -> NDArray[np.int64]:
    # The tolerance keeps a price equal to the budget within it despite rounding.
    return np.ceil(price / budget * PARTS - 1e-6).astype(np.int64)


def _add_sublayer(
    best: Values, removed: Values, parts: NDArray[np.int64]
) -> tuple[Values, NDArray[np.int64]]:
    """Extend the table of the dynamic program by one sublayer.

    Args:
        best: Least importance removed so far by parts spent, shape (PARTS + 1,).
        removed: Importance removed in this sublayer by number of units, shape (units,).
        parts: Parts that each number of units takes, shape (units,).

    Returns:
        The new table, and the number of units in this sublayer for each entry.
    """
    least = np.full(PARTS + 1, np.inf)
    units = np.ones(PARTS + 1, dtype=np.int64)
    # Among numbers of units that take the same parts, the largest is best.
    for count in np.searchsorted(parts, np.unique(parts[parts <= PARTS]), side="right"):
        price = parts[count - 1]
        candidate = best[: PARTS + 1 - price] + removed[count - 1]
        better = candidate <= least[price:]
        least[price:][better] = candidate[better]
        units[price:][better] = count
    return least, units
