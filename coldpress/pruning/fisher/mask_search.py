"""Search for heads and neurons within a budget of MACs (Kwon et al. 2022, section 4.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from coldpress.pruning.importance import most_important

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.checkpoint import LayerShape
    from coldpress.model.classifier import Classifier


@dataclass(frozen=True)
class UnitCosts:
    """Multiply-accumulates (MACs) per token, in a text of mean length.

    Attributes:
        head: Of one attention head.
        neuron: Of one feed-forward neuron.
    """

    head: int
    neuron: int


@dataclass(frozen=True)
class KeptUnits:
    """The heads and neurons to keep: ascending indices, one list per layer."""

    heads: list[list[int]]
    neurons: list[list[int]]

    def includes_all(self, shapes: Sequence[LayerShape]) -> bool:
        """Return True if these are all heads and neurons of layers of these shapes."""
        full = [(shape.heads, shape.neurons) for shape in shapes]
        return full == list(zip(map(len, self.heads), map(len, self.neurons), strict=True))


def compute_unit_costs(classifier: Classifier, sample: EncodedSplit) -> UnitCosts:
    """Count the MACs of one head and one neuron.

    A head has rows of query, key and value and columns of the attention output, and for T tokens
    two products of T x T x head_size. A neuron has a row of up, one of the gate (if there is one)
    and a column of down.

    Args:
        classifier: Its sizes are used.
        sample: Rows whose rounded mean length is T.

    Returns:
        MACs per token.
    """
    hidden = classifier.linear(classifier.layers[0], "query").in_features
    tokens = round(float(np.mean([len(row) for row in sample.input_ids])))
    matrices = 1 + len(classifier.architecture.up_roles)
    return UnitCosts(classifier.head_size * (4 * hidden + 2 * tokens), matrices * hidden)


def search_by_macs(
    heads: Sequence[Tensor], neurons: Sequence[Tensor], costs: UnitCosts, keep_macs: float
) -> KeptUnits:
    """Minimise the sum of I_ii over the removed units: equations 7 and 8, algorithm 1.

    I_ii = 1 / |D| sum over the examples of (dL / dm_i)^2 (diagonal of equation 5). For any number
    of heads, the best choice is the most important heads, and the most important neurons that the
    rest of the budget pays for. Every number of heads is tried.

    Args:
        heads: Gradients, one tensor of shape (rows, heads) per layer.
        neurons: Gradients, one tensor of shape (rows, neurons) per layer.
        costs: MACs of one head and one neuron.
        keep_macs: The budget, as a share of the MACs of all units.

    Returns:
        The units to keep: at least one head and one neuron per layer, even beyond the budget.
    """
    fisher_heads = fisher_diagonal(heads)
    fisher_neurons = fisher_diagonal(neurons)
    removed_heads = _removed_importance(fisher_heads)
    removed_neurons = _removed_importance(fisher_neurons)
    layers = len(heads)
    all_neurons = len(removed_neurons) - 1
    budget = keep_macs * (costs.head * (len(removed_heads) - 1) + costs.neuron * all_neurons)
    candidates = []
    for head_count in range(layers, len(removed_heads)):
        # The tolerance keeps a budget for exactly n neurons from being rounded down to n - 1.
        affordable = int((budget - costs.head * head_count) / costs.neuron + 1e-9)
        if affordable >= layers or head_count == layers:
            neuron_count = min(max(affordable, layers), all_neurons)
            removed = removed_heads[head_count] + removed_neurons[neuron_count]
            candidates.append((removed, head_count, neuron_count))
    _, head_count, neuron_count = min(candidates)
    return KeptUnits(
        most_important(fisher_heads, head_count), most_important(fisher_neurons, neuron_count)
    )


def fisher_diagonal(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Return the diagonal of equation 5.

    Args:
        gradients: One tensor of shape (rows, units) per layer.

    Returns:
        I_ii in float64, one tensor of shape (units,) per layer.
    """
    return [layer.double().square().mean(0) for layer in gradients]


def _removed_importance(importance: Sequence[Tensor]) -> list[float]:
    """Return the importance removed for 0, 1, ... kept units, the best of each layer first."""
    ranked = [layer.sort(descending=True).values for layer in importance]
    first = torch.stack([layer[0] for layer in ranked])
    rest = torch.cat([layer[1:] for layer in ranked]).sort(descending=True).values
    cumulative = torch.cat([torch.zeros(1, dtype=rest.dtype), torch.cat([first, rest]).cumsum(0)])
    removed: list[float] = (cumulative[-1] - cumulative).tolist()
    return removed
