"""The graph of a EuroBERT computes what transformers computes, at any length and with padding."""

from __future__ import annotations

import copy
from pathlib import Path

import onnx
import pytest
import torch
from tokenizers import Tokenizer
from torch import nn

from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import write_checkpoint
from coldpress.onnx.export import export
from coldpress.onnx.predictor import open_session
from tests.support.tiny_eurobert import build_eurobert

BOUND = 1e-4


@pytest.mark.parametrize("pooling", ["late", "mean", "bos"])
@pytest.mark.parametrize("tokens", [1, 2, 8, 128, 512])
def test_the_graph_computes_the_logits_of_transformers(
    tokens: int, pooling: str, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    sizes = {"max_position_embeddings": 512, "num_labels": 3, "classifier_pooling": pooling}
    module = build_eurobert(12, **sizes)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.5)
    original = copy.deepcopy(module)
    tokenizer.enable_truncation(512)
    classifier = Classifier(module, tokenizer, ("calm", "fast", "warm"), TEXT_CLASSIFICATION)
    write_checkpoint(classifier, tmp_path / "model", Manifest(stage="quantize"))
    export(Checkpoint.open(tmp_path / "model"), tmp_path, 17, {})
    torch.manual_seed(tokens)
    ids = torch.randint(4, 12, (3, tokens))
    mask = torch.ones_like(ids)
    mask[1, (tokens + 1) // 2 :] = 0
    ids[mask == 0] = 1
    with torch.inference_mode():
        expected = original(input_ids=ids, attention_mask=mask).logits.numpy()
    session = open_session(tmp_path / "model.onnx", 1)
    feeds = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
    (logits,) = session.run(None, {v.name: feeds[v.name] for v in session.get_inputs()})
    assert abs(logits - expected).max() < BOUND
    assert abs(expected[0] - expected[2]).max() > 30 * BOUND


def test_the_file_has_no_operator_of_another_normalization(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    module = build_eurobert(12, num_labels=3)
    classifier = Classifier(module, tokenizer, ("calm", "fast", "warm"), TEXT_CLASSIFICATION)
    write_checkpoint(classifier, tmp_path / "model", Manifest(stage="quantize"))
    export(Checkpoint.open(tmp_path / "model"), tmp_path, 17, {})
    operators = [node.op_type for node in onnx.load(tmp_path / "model.onnx").graph.node]
    # Two in each of three layers, and the final one.
    assert operators.count("ReduceMean") == 7
    assert operators.count("QuickGelu") == 3
    assert "LayerNormalization" not in operators
