"""Which heads and neurons fit a budget (Kwon et al. 2022, section 4.1)."""

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
    """Multiply-accumulates a token, in a text of mean length.

    Attributes:
        head: Of one attention head.
        neuron: Of one feed-forward neuron.
    """

    head: int
    neuron: int


@dataclass(frozen=True)
class KeptUnits:
    """The heads and neurons that stay, ascending indices, one list a layer."""

    heads: list[list[int]]
    neurons: list[list[int]]

    def is_whole(self, shapes: Sequence[LayerShape]) -> bool:
        """Return whether every head and neuron of layers of these shapes stays."""
        every = [(shape.heads, shape.neurons) for shape in shapes]
        return every == list(zip(map(len, self.heads), map(len, self.neurons), strict=True))


def compute_unit_costs(classifier: Classifier, sample: EncodedSplit) -> UnitCosts:
    """Count what a head and a neuron cost.

    A head has rows of query, key and value and columns of the attention output, and for T tokens
    two products of T x T x head_size; a neuron has a row of up, one of the gate where there is
    one, and a column of down.

    Args:
        classifier: Gives the widths.
        sample: Rows whose mean length is T, rounded.

    Returns:
        Multiply-accumulates a token.
    """
    hidden = classifier.linear(classifier.layers[0], "query").in_features
    tokens = round(float(np.mean([len(row) for row in sample.input_ids])))
    matrices = 1 + len(classifier.architecture.up_roles)
    return UnitCosts(classifier.head_size * (4 * hidden + 2 * tokens), matrices * hidden)


def search_by_macs(
    heads: Sequence[Tensor], neurons: Sequence[Tensor], costs: UnitCosts, keep_macs: float
) -> KeptUnits:
    """Minimise the sum of I_ii over what goes, under a budget: equations 7 and 8, algorithm 1.

    I_ii = 1 / |D| sum over the examples of (dL / dm_i)^2 (equation 5's diagonal). For any number of
    heads the best are the most important ones, and so are the neurons that the rest of the budget
    pays for: every number of heads is tried.

    Args:
        heads: Gradients of shape (rows, heads), a tensor a layer.
        neurons: Gradients of shape (rows, neurons), a tensor a layer.
        costs: Of one head and one neuron.
        keep_macs: The budget, as a share of what all of them cost.

    Returns:
        What stays, at least one head and one neuron in each layer, even beyond the budget.
    """
    fisher_heads, fisher_neurons = fisher_diagonal(heads), fisher_diagonal(neurons)
    lost_heads, lost_neurons = (
        _removed_importance(fisher_heads),
        _removed_importance(fisher_neurons),
    )
    layers, every = len(heads), len(lost_neurons) - 1
    budget = keep_macs * (costs.head * (len(lost_heads) - 1) + costs.neuron * every)
    choices = []
    for number in range(layers, len(lost_heads)):
        # A budget of exactly so many neurons must not lose one to rounding.
        paid = int((budget - costs.head * number) / costs.neuron + 1e-9)
        if paid >= layers or number == layers:
            others = min(max(paid, layers), every)
            choices.append((lost_heads[number] + lost_neurons[others], number, others))
    _, number, others = min(choices)
    return KeptUnits(most_important(fisher_heads, number), most_important(fisher_neurons, others))


def fisher_diagonal(gradients: Sequence[Tensor]) -> list[Tensor]:
    """Return equation 5's diagonal.

    Args:
        gradients: Of shape (rows, units), a tensor a layer.

    Returns:
        I_ii of shape (units,), in float64, a tensor a layer.
    """
    return [layer.double().square().mean(0) for layer in gradients]


def _removed_importance(importance: Sequence[Tensor]) -> list[float]:
    """Importance that goes when 0, 1, 2, ... units stay, the first of each layer before all."""
    ranked = [layer.sort(descending=True).values for layer in importance]
    first = torch.stack([layer[0] for layer in ranked])
    rest = torch.cat([layer[1:] for layer in ranked]).sort(descending=True).values
    kept = torch.cat([torch.zeros(1, dtype=rest.dtype), torch.cat([first, rest]).cumsum(0)])
    lost: list[float] = (kept[-1] - kept).tolist()
    return lost
