"""Movement scores of weights (Sanh, Wolf & Rush 2020, "Movement Pruning", section 4)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization, remove_parametrizations

from coldpress import ranks
from coldpress.pruning.gradual import MAX_PRUNINGS, cubic_sparsity
from coldpress.pruning.sparsity import linear_modules

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import TrainFunction


class MovementMask(nn.Module):
    """Masks a weight matrix W by the scores of its weights, which are updated during training.

    Forward W' = W * M, M = Top_v(S). The gradient of the mask goes straight through to S, whether a
    weight is masked or not, so that masked weights may come back:

        S = -sum over the steps of dL/dW' * W

    which grows if a step of gradient descent moves W away from zero. The learning rate of S is left
    out, since only the order of the scores counts. Masked weights themselves do not move.

    Attributes:
        scores: S.
        mask: M, true for weights that are kept.
        alive: True for weights that were not zero before: earlier zeros never come back.
    """

    scores: Tensor
    mask: Tensor
    alive: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.register_buffer("scores", torch.zeros_like(weight, requires_grad=False))
        self.register_buffer("alive", weight.detach() != 0)
        self.register_buffer("mask", self.alive.clone())

    def forward(self, weight: Tensor) -> Tensor:
        """Return W * M, and update the scores in the backward pass.

        Args:
            weight: W, of the same shape as S.

        Returns:
            W'.
        """
        masked = weight * self.mask
        if masked.requires_grad:
            values = weight.detach()
            masked.register_hook(  # type: ignore[no-untyped-call]
                lambda gradient: self._update_scores(gradient, values)
            )
        return masked

    def _update_scores(self, gradient: Tensor, weight: Tensor) -> None:
        self.scores -= gradient * weight

    def mask_lowest(self, share: float) -> None:
        """Mask the weights with the lowest scores.

        Args:
            share: Of this matrix; weights that were zero before count.
        """
        scores = self.scores.masked_fill(~self.alive, -torch.inf).flatten()
        lowest = scores.topk(round(share * len(scores)), largest=False)
        self.mask.copy_(self.alive)
        self.mask.view(-1)[lowest.indices] = False


def prune_by_movement(
    classifier: Classifier, sparsity: float, epochs: int, train: TrainFunction
) -> Classifier:
    """Train while more and more of the weights that move towards zero are masked.

    Args:
        classifier: The source; not changed.
        sparsity: Final share of zeros in each matrix; it is raised as Zhu & Gupta's schedule does.
        epochs: Epochs in which sparsity grows.
        train: Trains on all rows.

    Returns:
        A trained classifier of the same shapes.
    """
    pruned = classifier.copy()
    with _attach_masks(pruned) as masks:

        def raise_sparsity(step: int, steps: int, _: float) -> None:
            if step % math.ceil(steps / MAX_PRUNINGS) == 0 or step == steps:
                # Each rank has scored the gradients of its own rows.
                ranks.average_in_place([mask.scores for mask in masks])
                for mask in masks:
                    mask.mask_lowest(cubic_sparsity(0.0, sparsity, step / steps))

        train(pruned, epochs, raise_sparsity)
    return pruned


@contextmanager
def _attach_masks(classifier: Classifier) -> Iterator[list[MovementMask]]:
    """Mask the encoder's linear weights; at the end, masked weights become zero for good."""
    linears = linear_modules(classifier)
    masks = [MovementMask(linear.weight) for linear in linears]
    for linear, mask in zip(linears, masks, strict=True):
        register_parametrization(linear, "weight", mask)
    yield masks
    for linear in linears:
        remove_parametrizations(linear, "weight", leave_parametrized=True)
