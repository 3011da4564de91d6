"""Scores of weights by their movement (Sanh, Wolf & Rush 2020, "Movement Pruning", section 4)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import register_parametrization, remove_parametrizations

from coldpress.pruning.gradual import MAX_PRUNINGS, cubic_sparsity
from coldpress.pruning.sparsity import linear_modules

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import TrainFunction


class MovementMask(nn.Module):
    """Masks a weight matrix W by a score of each weight, and scores while it is trained.

    Forward W' = W * M, M = Top_v(S). The gradient of the mask goes straight through to S, whether a
    weight is masked or not, so that it may come back:

        S = -sum over the steps of dL/dW' * W

    which grows where a step of gradient descent moves W away from zero. The learning rate of S is
    left out, since the order alone counts. Masked weights themselves are not moved.

    Attributes:
        scores: S.
        mask: M, true where a weight stays.
        alive: Where a weight was not zero before: earlier zeros never come back.
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
        """Return W * M, and score the weights when the gradient comes back.

        Args:
            weight: W, of the shape that S has.

        Returns:
            W'.
        """
        masked = weight * self.mask
        if masked.requires_grad:
            held = weight.detach()
            masked.register_hook(  # type: ignore[no-untyped-call]
                lambda gradient: self._score(gradient, held)
            )
        return masked

    def _score(self, gradient: Tensor, weight: Tensor) -> None:
        self.scores -= gradient * weight

    def mask_lowest(self, share: float) -> None:
        """Mask the weights of the lowest scores.

        Args:
            share: Of this matrix; what was zero before counts.
        """
        scores = self.scores.masked_fill(~self.alive, -torch.inf).flatten()
        lowest = scores.topk(round(share * len(scores)), largest=False)
        self.mask.copy_(self.alive)
        self.mask.view(-1)[lowest.indices] = False


def prune_by_movement(
    classifier: Classifier, sparsity: float, epochs: int, train: TrainFunction
) -> Classifier:
    """Train while the weights that move towards zero are masked, few at first.

    Args:
        classifier: The source, left as it is.
        sparsity: Share of each matrix that is zero in the end; it grows as Zhu & Gupta's does.
        epochs: How long it grows.
        train: Trains on all rows.

    Returns:
        A trained classifier of the same shapes.
    """
    pruned = classifier.copy()
    with _attach_masks(pruned) as movements:

        def grown(done: int, total: int, _: float) -> None:
            if done % math.ceil(total / MAX_PRUNINGS) == 0 or done == total:
                for movement in movements:
                    movement.mask_lowest(cubic_sparsity(0.0, sparsity, done / total))

        train(pruned, epochs, grown)
    return pruned


@contextmanager
def _attach_masks(classifier: Classifier) -> Iterator[list[MovementMask]]:
    """Score and mask the encoder's linear weights; what is masked at the end is zero for good."""
    masked = linear_modules(classifier)
    movements = [MovementMask(linear.weight) for linear in masked]
    for linear, movement in zip(masked, movements, strict=True):
        register_parametrization(linear, "weight", movement)
    yield movements
    for linear in masked:
        remove_parametrizations(linear, "weight", leave_parametrized=True)
