"""Zeros inside the weights: how they are made, and how they outlive retraining."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier

Scheme = Literal["class-blind", "class-uniform", "class-distribution"]


@dataclass(frozen=True)
class SparsityTarget:
    """How many weights become zero, and how they are compared.

    Attributes:
        share: Of all the encoder's linear weights; what is zero already counts.
        scheme: One of the three of See et al. 2016, section 3.2. A class is a weight matrix.
    """

    share: float
    scheme: Scheme = "class-blind"


def zero_smallest(classifier: Classifier, target: SparsityTarget) -> Classifier:
    """Zero the smallest weights of the encoder's linear modules. Biases stay.

    Args:
        classifier: The source, left as it is.
        target: How many, and by which scheme.

    Returns:
        A classifier of the same shapes.
    """
    pruned = classifier.copy()
    zero_smallest_in_place(linear_weights(pruned), target)
    return pruned


def zero_smallest_in_place(classes: Sequence[Tensor], target: SparsityTarget) -> None:
    """Zero the smallest weights of some matrices.

    Args:
        classes: Changed in place.
        target: How many of their weights, and by which scheme.
    """
    # Class-uniform compares within a matrix, the other two across all of them.
    uniform = target.scheme == "class-uniform"
    for group in [[weight] for weight in classes] if uniform else [classes]:
        sizes = [_magnitudes(weight.detach(), target.scheme) for weight in group]
        threshold = _threshold(torch.cat([size.flatten() for size in sizes]), target.share)
        for weight, size in zip(group, sizes, strict=True):
            weight.data[size <= threshold] = 0.0


def linear_weights(classifier: Classifier) -> list[Tensor]:
    """Return the weight matrices of the encoder's linear modules.

    Args:
        classifier: Any classifier.

    Returns:
        Role by role, layer by layer.
    """
    return [linear.weight for linear in linear_modules(classifier)]


def linear_modules(classifier: Classifier) -> list[nn.Linear]:
    """Return the encoder's linear modules.

    Args:
        classifier: Any classifier.

    Returns:
        Role by role, layer by layer.
    """
    roles = classifier.architecture.roles
    return [classifier.linear(layer, role) for layer in classifier.layers for role in roles]


def _magnitudes(weight: Tensor, scheme: Scheme) -> Tensor:
    """|w|, or |w| / sigma_c: class-distribution zeroes |w| < lambda sigma_c, one lambda for all."""
    size = weight.abs()
    if scheme == "class-distribution":
        # A matrix without any spread is all zeros, or as good as.
        return size / weight.std(correction=0).clamp_min(torch.finfo(weight.dtype).tiny)
    return size


def _threshold(sizes: Tensor, share: float) -> float:
    zeroed = round(share * len(sizes))
    return float(sizes.kthvalue(zeroed).values) if zeroed else -1.0


def keep_n_of_m(classifier: Classifier, stay: int, of: int) -> Classifier:
    """Zero all but the largest `stay` of every `of` neighbouring weights of a row (N:M).

    Args:
        classifier: The source, left as it is.
        stay: How many of each group stay; of equals, the first.
        of: Size of a group. A shorter one at the end of a row keeps as many.

    Returns:
        A classifier of the same shapes.
    """
    pruned = classifier.copy()
    for weight in linear_weights(pruned):
        whole = weight.shape[1] // of * of
        # Views of shape (rows, groups, weights): the matrix itself is changed.
        groups = weight.data[:, :whole].view(len(weight), -1, of)
        rest = weight.data[:, whole:].unsqueeze(1)
        for view in (groups, rest):
            smallest = view.abs().argsort(dim=-1, descending=True, stable=True)[..., stay:]
            view.scatter_(-1, smallest, 0.0)
    return pruned


def zero_share(classifier: Classifier) -> float:
    """Return the share of the encoder's linear weights that is zero.

    Args:
        classifier: Any classifier.

    Returns:
        A fraction.
    """
    masks = zero_masks(classifier)
    return sum(int(mask.sum()) for mask in masks) / sum(mask.numel() for mask in masks)


def zero_masks(classifier: Classifier) -> list[Tensor]:
    """Return where the encoder's linear weights are zero.

    Args:
        classifier: Any classifier.

    Returns:
        Masks of the weights' shapes, role by role, layer by layer.
    """
    return [weight.detach() == 0 for weight in linear_weights(classifier)]


def apply_zero_masks(classifier: Classifier, masks: Sequence[Tensor]) -> None:
    """Zero the encoder's linear weights where masks say so.

    Args:
        classifier: Changed in place.
        masks: As `zeros` gives them.
    """
    for weight, mask in zip(linear_weights(classifier), masks, strict=True):
        weight.data[mask] = 0.0


@contextmanager
def hold_zeros(classifier: Classifier) -> Iterator[None]:
    """Keep the zeros among the encoder's linear weights at zero while they are trained.

    Their gradients are zeroed, and AdamW moves no weight of zero value and zero gradient.

    Args:
        classifier: What is trained inside of the context.
    """
    handles = [
        weight.register_hook(_zero_gradients(mask))  # type: ignore[no-untyped-call]
        for weight, mask in zip(linear_weights(classifier), zero_masks(classifier), strict=True)
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _zero_gradients(zeros: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda gradient: gradient.masked_fill(zeros.to(gradient.device), 0.0)
