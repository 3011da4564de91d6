"""What a token's place decides in attention, in families without a table of positions."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from coldpress.model.classifier import Classifier


def rotary_cos_sin(classifier: Classifier, layer: int, tokens: int) -> tuple[Tensor, Tensor] | None:
    """Return by how much queries and keys are turned (Su et al. 2021, "RoFormer", eq. 34).

    Args:
        classifier: Any.
        layer: Counted from 0; each kind of attention may turn at speeds of its own.
        tokens: Places from 0 on.

    Returns:
        cos and sin of m theta_i, of shape (tokens, head size / 2); None where nothing is turned.
    """
    table = classifier.architecture
    if table.rotary is None:
        return None
    turning = cast("Any", classifier.encoder.get_submodule(table.rotary))
    device = classifier.token_table.weight.device
    places = torch.arange(tokens, device=device).unsqueeze(0)
    likeness = torch.empty(0, device=device)
    # (1, tokens, head size), the second half of the features being the first once more.
    both = turning(likeness, places, attention_type(classifier, layer))
    cos, sin = (each[0, :, : each.shape[-1] // 2] for each in both)
    return cos, sin


def apply_rotary(states: Tensor, by: tuple[Tensor, Tensor]) -> Tensor:
    """Turn queries or keys: feature i with feature i + head size / 2.

    Args:
        states: Shape (batch, heads, tokens, head size).
        by: As `rotation` returned it.

    Returns:
        The same shape.
    """
    (cos, sin), (first, second) = by, states.chunk(2, dim=-1)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def attention_window(classifier: Classifier, layer: int) -> int | None:
    """Return how far a layer's tokens see to either side.

    Args:
        classifier: Any.
        layer: Counted from 0.

    Returns:
        A number of tokens; None where every token sees all.
    """
    if classifier.architecture.config_layer_types is None:
        return None
    local = attention_type(classifier, layer) == "sliding_attention"
    return int(classifier.config.sliding_window) if local else None


def attention_type(classifier: Classifier, layer: int) -> str:
    """Name a layer's attention as the configuration does.

    Args:
        classifier: Of a family whose configuration does.
        layer: Counted from 0.

    Returns:
        `full_attention` or `sliding_attention`.
    """
    name = cast("str", classifier.architecture.config_layer_types)
    return str(getattr(classifier.config, name)[layer])
