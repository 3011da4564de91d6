"""Gradual magnitude pruning during training (Zhu & Gupta 2017, "To prune, or not to prune")."""

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
"""Sparsity is raised at most this often: ranking all weights costs about as much as a step."""


def prune_gradually(
    classifier: Classifier, target: SparsityTarget, epochs: int, train: TrainFunction
) -> Classifier:
    """Train a classifier while more and more of its smallest weights are zeroed.

    Args:
        classifier: The source; not changed.
        target: The final sparsity, and how weights are compared.
        epochs: Epochs in which sparsity grows.
        train: Trains on all rows.

    Returns:
        A trained classifier of the same shapes.
    """
    pruned = classifier.copy()
    initial = sparsity.zero_share(pruned)
    masks = sparsity.zero_masks(pruned)

    def raise_sparsity(step: int, steps: int, _: float) -> None:
        if step % math.ceil(steps / MAX_PRUNINGS) == 0 or step == steps:
            share = cubic_sparsity(initial, target.share, step / steps)
            weights = sparsity.linear_weights(pruned)
            sparsity.zero_smallest_in_place(weights, replace(target, share=share))
            masks[:] = sparsity.zero_masks(pruned)
        # The optimizer's momentum still moves weights that were zeroed in an earlier step.
        sparsity.apply_zero_masks(pruned, masks)

    train(pruned, epochs, raise_sparsity)
    return pruned


def cubic_sparsity(initial: float, final: float, progress: float) -> float:
    """Equation 1: s_t = s_f + (s_i - s_f) (1 - (t - t_0) / (n dt))^3.

    Args:
        initial: s_i, the sparsity before training.
        final: s_f, the sparsity after training.
        progress: (t - t_0) / (n dt), from 0 to 1.

    Returns:
        The current sparsity.
    """
    return final + (initial - final) * (1 - progress) ** 3
