"""Scores and attended pairs are those that the models attend with."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.activations import record_activations
from coldpress.model.attention import RotaryAttention
from coldpress.model.classifier import Classifier

Make = Callable[..., Classifier]


@pytest.mark.parametrize("family", ["bert", "eurobert", "modernbert"])
def test_the_scores_are_those_that_the_model_attends_with(
    family: str, random_classifier: Make, split: Split
) -> None:
    """Seven tokens: ModernBERT's first layer sees all of them, its second two to either side."""
    classifier = random_classifier(family)
    attention = classifier.architecture.attention
    batch = encode(classifier.tokenizer, split.take([4])).batch([0])
    with torch.no_grad():
        states = record_activations(classifier, batch)
        output = classifier.module(**classifier.inputs(batch), output_attentions=True)
    for layer in (0, 1):
        scores = attention.scores(classifier, states, layer)
        pairs = attention.attended_pairs(classifier, states, layer)
        scores = scores.masked_fill(~pairs[:, None], -torch.inf)
        torch.testing.assert_close(scores.softmax(-1), output.attentions[layer])


def test_tokens_outside_the_window_are_not_attended_to(
    random_classifier: Make, split: Split
) -> None:
    """Two tokens to either side, in every layer."""
    classifier = random_classifier("modernbert", layer_types=["sliding_attention"] * 3)
    attention = classifier.architecture.attention
    assert isinstance(attention, RotaryAttention)
    assert [attention.window(classifier, layer) for layer in range(3)] == [2, 2, 2]
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
