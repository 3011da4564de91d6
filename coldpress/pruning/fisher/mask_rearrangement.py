"""Rearrangement of masks within a layer (Kwon et al. 2022, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def rearrange(units: Sequence[Sequence[int]], gradients: Sequence[Tensor]) -> list[list[int]]:
    """Exchange units within each layer; their number stays the same.

    The diagonal takes units for independent. With the layer's full block of the Fisher matrix,
    I_l = 1 / |D| G^T G, removing the units Z costs (1 - m_l)^T I_l (1 - m_l) = sum over i, j in Z
    of I_ij: two heads that compute the same cost little one by one, but much together.

    Args:
        units: Indices of the units to keep, for each layer.
        gradients: G, one tensor of shape (rows, units) per layer.

    Returns:
        Ascending indices for each layer.
    """
    return [
        _rearrange_layer(set(layer), gradient.double())
        for layer, gradient in zip(units, gradients, strict=True)
    ]


def _rearrange_layer(selected: set[int], gradients: Tensor) -> list[int]:
    """Try to exchange each selected unit, least important first, for a removed one."""
    block = gradients.T @ gradients / len(gradients)
    units = range(len(block))
    removed = torch.tensor([unit not in selected for unit in units])
    # shared[i] = sum over j in Z of I_ij: without i the cost of Z falls by 2 shared[i] - I_ii.
    shared = block[:, removed].sum(1)
    for unit in sorted(selected, key=lambda unit: float(block[unit, unit])):
        removed[unit] = True
        shared += block[:, unit]
        gain = 2 * shared - block.diagonal()
        restored = int(gain.masked_fill(~removed, -torch.inf).argmax())
        # Of equal gains, the unit's own: an exchange without a gain is not made.
        restored = unit if gain[unit] >= gain[restored] else restored
        removed[restored] = False
        shared -= block[:, restored]
    return [unit for unit in units if not removed[unit]]
