"""Rotary embeddings rotate queries and keys; windows limit attention."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.classifier import Classifier
from coldpress.model.positions import apply_rotary, attention_window, rotary_cos_sin

Make = Callable[..., Classifier]


def test_each_attention_type_has_its_own_rotary_frequencies(random_classifier: Make) -> None:
    """Heads of size 4: position m rotates the first pair by m, the second by m / sqrt(theta)."""
    classifier = random_classifier("modernbert")
    for layer, theta in ((0, 160_000.0), (1, 10_000.0)):
        cos_sin = rotary_cos_sin(classifier, layer, 3)
        assert cos_sin is not None
        cos, sin = cos_sin
        assert cos.shape == sin.shape == (3, 2)
        assert cos[2].tolist() == pytest.approx([math.cos(2), math.cos(2 / math.sqrt(theta))])
        assert sin[1].tolist() == pytest.approx([math.sin(1), math.sin(1 / math.sqrt(theta))])


def test_a_quarter_turn_moves_the_first_half_of_the_features_into_the_second() -> None:
    states = torch.tensor([[[[1.0, 2.0, 0.0, 0.0]]]])
    quarter = torch.zeros(1, 2), torch.ones(1, 2)
    assert apply_rotary(states, quarter).flatten().tolist() == [0.0, 0.0, 1.0, 2.0]


def test_absolute_positions_have_no_rotation_and_no_window(tiny: Classifier) -> None:
    assert rotary_cos_sin(tiny, 0, 3) is None
    assert attention_window(tiny, 0) is None


def test_tokens_outside_the_window_are_not_attended_to(
    random_classifier: Make, split: Split
) -> None:
    """Two tokens to either side, in every layer."""
    classifier = random_classifier("modernbert", layer_types=["sliding_attention"] * 3)
    assert [attention_window(classifier, layer) for layer in range(3)] == [2, 2, 2]
    rows = encode(classifier.tokenizer, split.take([4]))  # 7 tokens
    batch = classifier.inputs(rows.batch([0]))
    with torch.inference_mode():
        before = classifier.module(**batch).logits
        # Three layers of two: the first token depends on position 6, and on none beyond it.
        batch["input_ids"][0, 6] = 9
        assert not torch.equal(classifier.module(**batch).logits, before)
    shallow = random_classifier(
        "modernbert", layer_types=["sliding_attention"] * 2, num_hidden_layers=2
    )
    batch = shallow.inputs(rows.batch([0]))
    with torch.inference_mode():
        before = shallow.module(**batch).logits
        batch["input_ids"][0, 5] = 9
        assert torch.equal(shallow.module(**batch).logits, before)
