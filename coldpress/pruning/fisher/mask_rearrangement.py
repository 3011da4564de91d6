"""Which units of a layer go together best (Kwon et al. 2022, section 4.2)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def rearrange(stay: Sequence[Sequence[int]], gradients: Sequence[Tensor]) -> list[list[int]]:
    """Exchange units within each layer, as many staying as before.

    The diagonal takes units for independent. With the layer's whole block of the Fisher matrix,
    I_l = 1 / |D| G^T G, what goes (Z) costs (1 - m_l)^T I_l (1 - m_l) = sum over i, j in Z of I_ij:
    two heads that do the same are no loss one by one, and a loss together.

    Args:
        stay: Indices a layer.
        gradients: G, of shape (rows, units), a tensor a layer.

    Returns:
        Indices a layer, ascending.
    """
    return [
        _rearrange_layer(set(kept), each.double())
        for kept, each in zip(stay, gradients, strict=True)
    ]


def _rearrange_layer(stay: set[int], gradients: Tensor) -> list[int]:
    """Offer each staying unit, least important first, the place of one that goes."""
    block = gradients.T @ gradients / len(gradients)
    units = range(len(block))
    going = torch.tensor([unit not in stay for unit in units])
    # shared[i] = sum over j in Z of I_ij: without i the cost of Z falls by 2 shared[i] - I_ii.
    shared = block[:, going].sum(1)
    for unit in sorted(stay, key=lambda unit: float(block[unit, unit])):
        going[unit] = True
        shared += block[:, unit]
        gain = 2 * shared - block.diagonal()
        back = int(gain.masked_fill(~going, -torch.inf).argmax())
        # Of equals the unit itself: nothing changes for no gain.
        back = unit if gain[unit] >= gain[back] else back
        going[back] = False
        shared -= block[:, back]
    return [unit for unit in units if not going[unit]]
