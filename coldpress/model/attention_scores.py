"""Attention scores and attended pairs in torch, from which kinds of attention are composed."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def split_heads(features: Tensor, head_size: int) -> Tensor:
    """Divide queries or keys into heads, in float32.

    Args:
        features: Shape (batch, tokens, heads * head size).
        head_size: Width of one head.

    Returns:
        Shape (batch, heads, tokens, head size).
    """
    return features.float().view(*features.shape[:2], -1, head_size).transpose(1, 2)


def scaled_product(queries: Tensor, keys: Tensor) -> Tensor:
    """Compute QK^T / sqrt(head size).

    Args:
        queries: Shape (batch, heads, tokens, head size).
        keys: The same shape.

    Returns:
        Shape (batch, heads, tokens, tokens).
    """
    return queries @ keys.mT / math.sqrt(queries.shape[-1])


def unpadded_pairs(token_mask: Tensor) -> Tensor:
    """Return all pairs of unpadded tokens.

    Args:
        token_mask: Shape (batch, tokens), bool: false for padding.

    Returns:
        Booleans of shape (batch, tokens, tokens).
    """
    return token_mask[:, :, None] & token_mask[:, None, :]


def pairs_within(window: int, token_mask: Tensor) -> Tensor:
    """Return all pairs of tokens at most a window apart.

    Args:
        window: A number of tokens to either side.
        token_mask: Shape (batch, tokens).

    Returns:
        Booleans of shape (tokens, tokens).
    """
    positions = torch.arange(token_mask.shape[1], device=token_mask.device)
    return (positions[:, None] - positions).abs() <= window
