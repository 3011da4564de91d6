"""Hard concrete gates: open, closed or in between (Louizos, Welling & Kingma 2018, section 2.2)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

TEMPERATURE = 2 / 3
"""beta"""

LOW = -0.1
"""gamma (l in CoFi), the lower end of the stretched interval."""

HIGH = 1.1
"""zeta (r in CoFi), its upper end."""


def sample_gates(log_alpha: Tensor) -> Tensor:
    """Sample gates: equations 10 and 11, and CoFi's equation 1.

    u ~ U(0, 1);  s = sigmoid((log u - log(1 - u) + log alpha) / beta);
    z = min(1, max(0, s (zeta - gamma) + gamma))

    Args:
        log_alpha: The larger, the more likely is an open gate; any shape.

    Returns:
        z, of the same shape.
    """
    # Clamped, as the logarithm is infinite at the ends of the interval.
    u = torch.rand_like(log_alpha).clamp(1e-6, 1 - 1e-6)
    return _stretch(((u.log() - (1 - u).log()) + log_alpha) / TEMPERATURE)


def deterministic_gates(log_alpha: Tensor) -> Tensor:
    """Return the gates for inference: equation 13.

    Args:
        log_alpha: Any shape.

    Returns:
        z = min(1, max(0, sigmoid(log alpha) (zeta - gamma) + gamma)).
    """
    return _stretch(log_alpha)


def open_probability(log_alpha: Tensor) -> Tensor:
    """P(z != 0) = sigmoid(log alpha - beta log(-gamma / zeta)): equation 12.

    Args:
        log_alpha: Any shape.

    Returns:
        Probabilities of the same shape.
    """
    return torch.sigmoid(log_alpha - TEMPERATURE * math.log(-LOW / HIGH))


def _stretch(value: Tensor) -> Tensor:
    return (torch.sigmoid(value) * (HIGH - LOW) + LOW).clamp(0.0, 1.0)
