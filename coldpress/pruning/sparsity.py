"""Zeros inside the weights: how they are made, and how they outlive retraining."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from coldpress.model import Classifier

ROLES = ("query", "key", "value", "attention_output", "up", "down")


def zero_smallest(classifier: Classifier, sparsity: float) -> Classifier:
    """Zero the smallest weights of all the encoder's linear modules together.

    That is the class-blind scheme of See et al. 2016, the best of their three. Biases stay.

    Args:
        classifier: The source, left as it is.
        sparsity: Share of these weights that is zero afterwards; a share already zero counts.

    Returns:
        A classifier of the same shapes.
    """
    pruned = classifier.copy()
    weights = _weights(pruned)
    magnitudes = torch.cat([weight.detach().abs().flatten() for weight in weights])
    zeroed = round(sparsity * len(magnitudes))
    if zeroed:
        threshold = magnitudes.kthvalue(zeroed).values
        for weight in weights:
            weight.data[weight.data.abs() <= threshold] = 0.0
    return pruned


@contextmanager
def hold_zeros(classifier: Classifier) -> Iterator[None]:
    """Keep the zeros among the encoder's linear weights at zero while they are trained.

    Their gradients are zeroed, and AdamW moves no weight of zero value and zero gradient.

    Args:
        classifier: What is trained inside of the context.
    """
    handles = [
        weight.register_hook(_outside(weight == 0))  # type: ignore[no-untyped-call]
        for weight in _weights(classifier)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _outside(zeros: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda gradient: gradient.masked_fill(zeros.to(gradient.device), 0.0)


def _weights(classifier: Classifier) -> list[Tensor]:
    return [classifier.linear(layer, role).weight for layer in classifier.layers for role in ROLES]
