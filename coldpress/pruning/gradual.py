"""Sparsity that grows in training (Zhu & Gupta 2017, "To prune, or not to prune")."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from coldpress.pruning import sparsity
from coldpress.pruning.sparsity import SparsityTarget

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import TrainFunction

MAX_PRUNINGS = 100
"""How often sparsity grows, at most: ranking every weight costs about as much as a short step."""


def prune_gradually(
    classifier: Classifier, target: SparsityTarget, epochs: int, train: TrainFunction
) -> Classifier:
    """Train a classifier while its smallest weights are zeroed, few at first.

    Args:
        classifier: The source, left as it is.
        target: The share that is zero in the end, and how weights are compared.
        epochs: How long it grows.
        train: Trains on all rows.

    Returns:
        A trained classifier of the same shapes.
    """
    pruned = classifier.copy()
    initial, zeros = sparsity.zero_share(pruned), sparsity.zero_masks(pruned)

    def grown(done: int, total: int, _: float) -> None:
        if done % math.ceil(total / MAX_PRUNINGS) == 0 or done == total:
            now = replace(target, share=cubic_sparsity(initial, target.share, done / total))
            sparsity.zero_smallest_in_place(sparsity.linear_weights(pruned), now)
            zeros[:] = sparsity.zero_masks(pruned)
        # The optimizer's momentum moves a weight that was zeroed a step ago.
        sparsity.apply_zero_masks(pruned, zeros)

    train(pruned, epochs, grown)
    return pruned


def cubic_sparsity(initial: float, final: float, progress: float) -> float:
    """Equation 1: s_t = s_f + (s_i - s_f) (1 - (t - t_0) / (n dt))^3.

    Args:
        initial: s_i, the share that was zero before.
        final: s_f, the share that is zero in the end.
        progress: (t - t_0) / (n dt), from 0 to 1.

    Returns:
        The share that is zero now.
    """
    return final + (initial - final) * (1 - progress) ** 3
