"""Rotary embeddings rotate queries and keys."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from coldpress.model.attention import RotaryAttention
from coldpress.model.classifier import Classifier
from coldpress.model.rotary import apply_rotary, rotary_cos_sin

Make = Callable[..., Classifier]


def test_each_attention_type_has_its_own_rotary_frequencies(random_classifier: Make) -> None:
    """Heads of size 4: position m rotates the first pair by m, the second by m / sqrt(theta)."""
    classifier = random_classifier("modernbert")
    attention = classifier.architecture.attention
    assert isinstance(attention, RotaryAttention)
    for layer, theta in ((0, 160_000.0), (1, 10_000.0)):
        cos, sin = rotary_cos_sin(attention, classifier, layer, 3)
        assert cos.shape == sin.shape == (3, 2)
        assert cos[2].tolist() == pytest.approx([math.cos(2), math.cos(2 / math.sqrt(theta))])
        assert sin[1].tolist() == pytest.approx([math.sin(1), math.sin(1 / math.sqrt(theta))])


def test_a_quarter_turn_moves_the_first_half_of_the_features_into_the_second() -> None:
    states = torch.tensor([[[[1.0, 2.0, 0.0, 0.0]]]])
    quarter = torch.zeros(1, 2), torch.ones(1, 2)
    assert apply_rotary(states, quarter).flatten().tolist() == [0.0, 0.0, 1.0, 2.0]
