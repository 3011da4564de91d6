"""Rotary position embeddings."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from coldpress.model.attention import RotaryAttention
from coldpress.model.classifier import Classifier


def rotary_cos_sin(
    attention: RotaryAttention, classifier: Classifier, layer: int, tokens: int
) -> tuple[Tensor, Tensor]:
    """Compute a layer's rotary position embedding (Su et al. 2021, "RoFormer", eq. 34).

    Args:
        attention: That of the classifier's family.
        classifier: One with rotary attention.
        layer: Counted from 0; each attention type may have its own frequencies theta_i.
        tokens: Number of positions m, from 0 on.

    Returns:
        cos and sin of m theta_i, each of shape (tokens, head size / 2).
    """
    rotary = cast("Any", classifier.encoder.get_submodule(attention.rotary))
    device = classifier.token_table.weight.device
    positions = torch.arange(tokens, device=device).unsqueeze(0)
    dtype_and_device = torch.empty(0, device=device)  # the module reads nothing else of it
    types = [attention.layer_type(classifier, layer)] if attention.layer_types else []
    # (1, tokens, head size); the second half of the features repeats the first.
    cos, sin = rotary(dtype_and_device, positions, *types)
    half = cos.shape[-1] // 2
    return cos[0, :, :half], sin[0, :, :half]


def apply_rotary(states: Tensor, cos_sin: tuple[Tensor, Tensor]) -> Tensor:
    """Rotate queries or keys: feature i with feature i + head size / 2.

    Args:
        states: Shape (batch, heads, tokens, head size).
        cos_sin: The result of `rotary_cos_sin`.

    Returns:
        The rotated states, of the same shape.
    """
    cos, sin = cos_sin
    first, second = states.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)
