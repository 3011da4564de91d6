"""Sparsity that grows in training (Zhu & Gupta 2017, "To prune, or not to prune")."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from coldpress.pruning import sparsity
from coldpress.pruning.sparsity import Target

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import Train

PRUNINGS = 100
"""How often sparsity grows, at most: ranking every weight costs about as much as a short step."""


def grow(classifier: Classifier, target: Target, epochs: int, train: Train) -> Classifier:
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
    initial, zeros = sparsity.share_of_zeros(pruned), sparsity.zeros(pruned)

    def grown(done: int, total: int, _: float) -> None:
        if done % math.ceil(total / PRUNINGS) == 0 or done == total:
            now = replace(target, share=cubic(initial, target.share, done / total))
            sparsity.zero_smallest_of(sparsity.weights(pruned), now)
            zeros[:] = sparsity.zeros(pruned)
        # The optimizer's momentum moves a weight that was zeroed a step ago.
        sparsity.zero_in_place(pruned, zeros)

    train(pruned, epochs, grown)
    return pruned


def cubic(initial: float, final: float, progress: float) -> float:
    """Equation 1: s_t = s_f + (s_i - s_f) (1 - (t - t_0) / (n dt))^3.

    Args:
        initial: s_i, the share that was zero before.
        final: s_f, the share that is zero in the end.
        progress: (t - t_0) / (n dt), from 0 to 1.

    Returns:
        The share that is zero now.
    """
    return final + (initial - final) * (1 - progress) ** 3
