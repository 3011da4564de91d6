"""Normalization by the root mean square beside layer normalization."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from coldpress.model.normalization import normalize


def test_a_root_mean_square_keeps_the_mean() -> None:
    """The mean square of 1, 2 and 2 is 3; of 3 and 1 without their mean 2, it is 1."""
    states = torch.tensor([[1.0, 2.0, 2.0]])
    out = normalize(nn.RMSNorm(3), states, None, None, 0.0)
    assert out[0].tolist() == pytest.approx([1 / math.sqrt(3), 2 / math.sqrt(3), 2 / math.sqrt(3)])
    centred = normalize(nn.LayerNorm(2), torch.tensor([[3.0, 1.0]]), None, None, 0.0)
    assert centred[0].tolist() == pytest.approx([1.0, -1.0])


def test_gain_and_epsilon_are_those_of_the_call() -> None:
    """The mean square of 1 and 1 is 1, and 1 / sqrt(1 + 3) a half."""
    gain = torch.tensor([2.0, 4.0])
    out = normalize(nn.RMSNorm(2), torch.ones(1, 2), gain, None, 3.0)
    assert out[0].tolist() == pytest.approx([1.0, 2.0])
