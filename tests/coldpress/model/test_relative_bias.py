"""Attention with a bias for each distance, shared by all layers: MPNet."""

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
from coldpress.model.relative_bias import columns_of, position_bias
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.model.surgery import keep_heads, keep_layers, keep_width

Make = Callable[..., Classifier]
TEXTS = ("cold press", "olive oil", "a warm stone press", "fast")
SPLIT = Split(TEXTS, TEXTS, None, ())


def logits(classifier: Classifier) -> torch.Tensor:
    return classifier.logits(encode(classifier.tokenizer, SPLIT))


@pytest.fixture
def mpnet(random_classifier: Make) -> Classifier:
    return random_classifier("mpnet")


def test_the_logits_are_those_of_transformers(tokenizer: Tokenizer, tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 4}
    vocabulary = tokenizer.get_vocab_size()
    config = AutoConfig.for_model("mpnet", vocab_size=vocabulary, num_labels=3, **sizes)
    builder: Any = AutoModelForSequenceClassification
    model = builder.from_config(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    ids = torch.tensor([[2, 5, 6, 7, 3], [2, 6, 3, 1, 1]])
    mask = (ids != 1).long()
    with torch.inference_mode():
        expected = model(input_ids=ids, attention_mask=mask).logits
        classifier = Classifier(model, tokenizer, ("calm", "fast", "warm"), TEXT_CLASSIFICATION)
        actual = classifier.module(input_ids=ids, attention_mask=mask).logits
    assert torch.equal(actual, expected)
    write_checkpoint(classifier, tmp_path / "model", Manifest(stage="train_teacher"))
    loaded = builder.from_pretrained(tmp_path / "model").eval()
    with torch.inference_mode():
        again = loaded(input_ids=ids, attention_mask=mask).logits
    assert torch.allclose(again, expected, atol=1e-6)


def test_biases_depend_on_the_distance_and_the_head(mpnet: Classifier) -> None:
    table: Any = mpnet.encoder.get_submodule("encoder.relative_attention_bias")
    bias = position_bias(mpnet, 0, 3)
    assert bias.shape == (4, 3, 3)
    # A key behind its query has buckets 0 to 15, one after it 16 to 31.
    assert bias[1, 2].tolist() == [table.weight[bucket, 1].item() for bucket in (2, 1, 0)]
    assert bias[3, 0].tolist() == [table.weight[bucket, 3].item() for bucket in (0, 17, 18)]


def test_layers_without_some_heads_keep_the_biases_of_the_others(mpnet: Classifier) -> None:
    pruned = keep_heads(keep_heads(mpnet, [[3, 1, 0], [0, 1, 2, 3], [2, 3]]), [[1, 2], [3], [0]])
    assert [columns_of(pruned, layer).tolist() for layer in range(3)] == [[1, 3], [3], [2]]
    assert torch.equal(position_bias(pruned, 0, 5), position_bias(mpnet, 0, 5)[[1, 3]])
    assert [columns_of(mpnet, layer).tolist() for layer in range(3)] == [[0, 1, 2, 3]] * 3
    last = keep_layers(pruned, [2])
    assert columns_of(last, 0).tolist() == [2]


@pytest.mark.parametrize("narrow", [False, True])
def test_a_smaller_model_is_the_same_after_loading(
    mpnet: Classifier, narrow: bool, tmp_path: Path
) -> None:
    pruned = keep_layers(keep_heads(mpnet, [[1, 3], [0], [2, 0]]), [0, 2])
    smaller = keep_width(pruned, range(8)) if narrow else pruned
    write_checkpoint(smaller, tmp_path / "model", Manifest(stage="prune"))
    loaded = load_classifier(Checkpoint.open(tmp_path / "model"))
    assert [columns_of(loaded, layer).tolist() for layer in range(2)] == [[1, 3], [0, 2]]
    assert torch.equal(logits(loaded), logits(smaller))
