"""Disentangled attention with the projected positions of each layer: DeBERTa."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForSequenceClassification

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.disentangled import position_module
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.model.surgery import keep_heads, keep_layers, keep_width
from tests.coldpress.conftest import OWN_SIZES

Make = Callable[..., Classifier]
TEXTS = ("cold press", "olive oil", "a warm stone press", "fast")
SPLIT = Split(TEXTS, TEXTS, None, ())


def logits(classifier: Classifier) -> torch.Tensor:
    return classifier.logits(encode(classifier.tokenizer, SPLIT))


@pytest.fixture
def deberta(random_classifier: Make) -> Classifier:
    return random_classifier("deberta-v2")


@pytest.mark.parametrize("tokens", [8, 24])
def test_the_logits_are_those_of_transformers(tokenizer: Tokenizer, tokens: int) -> None:
    torch.manual_seed(0)
    sizes = {**OWN_SIZES["deberta-v2"], "vocab_size": tokenizer.get_vocab_size()}
    config = AutoConfig.for_model("deberta-v2", num_labels=3, **sizes)
    builder: Any = AutoModelForSequenceClassification
    model = builder.from_config(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    ids = torch.randint(4, 12, (3, tokens))
    mask = torch.ones_like(ids)
    mask[1, tokens // 2 :] = 0
    with torch.inference_mode():
        expected = model(input_ids=ids, attention_mask=mask).logits
        classifier = Classifier(model, tokenizer, ("calm", "fast", "warm"), TEXT_CLASSIFICATION)
        actual = classifier.module(input_ids=ids, attention_mask=mask).logits
    assert torch.allclose(actual, expected, atol=1e-5)
    assert (expected[0] - expected[2]).abs().max() > 0.01


def test_distances_beyond_half_of_the_buckets_share_rows(deberta: Classifier) -> None:
    module = position_module(deberta, 0)
    rows = module.distance_rows(torch.arange(-20, 21)).tolist()
    assert rows[16:25] == [4, 5, 6, 7, 8, 9, 10, 11, 12]  # distances -4 to 4
    assert sorted(rows) == rows
    assert rows[0] == 1
    assert rows[-1] == 15
    assert len(set(rows)) < len(rows)


def test_removed_heads_take_their_positions_with_them(deberta: Classifier) -> None:
    pruned = keep_heads(keep_heads(deberta, [[3, 1, 0], [0, 1, 2, 3], [2, 3]]), [[1, 2], [3], [0]])
    table = position_module(deberta, 0).position_keys
    kept = torch.cat([table[:, 4:8], table[:, 12:16]], dim=1)
    assert torch.equal(position_module(pruned, 0).position_keys, kept)
    last = keep_layers(pruned, [2])
    expected = position_module(deberta, 2).position_queries[:, 8:12]
    assert torch.equal(position_module(last, 0).position_queries, expected)


@pytest.mark.parametrize("narrow", [False, True])
def test_a_smaller_model_is_the_same_after_loading(
    deberta: Classifier, narrow: bool, tmp_path: Path
) -> None:
    small = keep_heads(keep_layers(deberta, [0, 2]), [[1, 3], [0]])
    if narrow:
        small = keep_width(small, range(8))
    write_checkpoint(small, tmp_path / "model", Manifest(stage="prune"))
    loaded = load_classifier(Checkpoint.open(tmp_path / "model"))
    assert torch.equal(logits(loaded), logits(small))
