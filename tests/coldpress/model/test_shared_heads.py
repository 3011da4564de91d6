"""Heads that shared keys and values have copies of their own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import EuroBertForSequenceClassification

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import write_checkpoint
from coldpress.model.surgery import keep_heads, keep_layers, keep_width
from tests.support.tiny_eurobert import build_eurobert

LABELS = ("calm", "fast", "warm")


@pytest.mark.parametrize("biased", [True, False])
@pytest.mark.parametrize("shared", [1, 2, 4])
def test_every_head_gets_the_rows_of_its_group(
    shared: int, biased: bool, tokenizer: Tokenizer, split: Split
) -> None:
    sizes = {"num_key_value_heads": shared, "attention_bias": biased, "num_labels": 3}
    original = build_eurobert(tokenizer.get_vocab_size(), **sizes)
    module = build_eurobert(tokenizer.get_vocab_size(), **sizes)
    classifier = Classifier(module, tokenizer, LABELS, TEXT_CLASSIFICATION)
    assert classifier.config.num_key_value_heads == 4
    key = classifier.linear(classifier.layers[1], "key")
    assert key.weight.shape == (32, 32)
    before = original.get_parameter("model.layers.1.self_attn.k_proj.weight")
    for head in range(4):
        group = head * shared // 4
        rows, expected = key.weight[8 * head : 8 * head + 8], before[8 * group : 8 * group + 8]
        assert torch.equal(rows, expected)
    batch = encode(tokenizer, split).batch(range(len(split.texts)))
    with torch.inference_mode():
        expected = original(**classifier.inputs(batch)).logits
        torch.testing.assert_close(classifier.unit_logits(batch), expected)


def test_a_head_is_removed_from_its_group(tokenizer: Tokenizer, split: Split) -> None:
    """A head whose output is not read can go, and the one that it shared with stays."""
    module = build_eurobert(tokenizer.get_vocab_size(), num_labels=3)
    classifier = Classifier(module, tokenizer, LABELS, TEXT_CLASSIFICATION)
    for layer in classifier.layers:
        classifier.linear(layer, "attention_output").weight.data[:, 8:16] = 0
    pruned = keep_heads(classifier, [[0, 2, 3]] * 3)
    rows = encode(tokenizer, split)
    torch.testing.assert_close(pruned.logits(rows), classifier.logits(rows))


@pytest.mark.parametrize("narrow", [True, False])
def test_transformers_reads_the_copies(
    narrow: bool, tokenizer: Tokenizer, split: Split, tmp_path: Path
) -> None:
    module = build_eurobert(tokenizer.get_vocab_size(), num_labels=3)
    classifier = Classifier(module, tokenizer, LABELS, TEXT_CLASSIFICATION)
    if narrow:  # the configuration of two heads, of which the layers have two
        classifier = keep_heads(keep_width(classifier, range(16)), [[0, 1]] * 3)
        classifier = keep_layers(classifier, [1, 2])  # each has a normalization before attention
    write_checkpoint(classifier, tmp_path / "made", Manifest(stage="prune"))
    model: Any = EuroBertForSequenceClassification
    loaded = model.from_pretrained(tmp_path / "made").eval()
    batch = encode(tokenizer, split).batch(range(len(split.texts)))
    with torch.inference_mode():
        logits = loaded(**classifier.inputs(batch)).logits
        torch.testing.assert_close(logits, classifier.unit_logits(batch))
