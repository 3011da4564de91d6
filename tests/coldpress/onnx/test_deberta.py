"""The graph of a DeBERTa computes what transformers computes, at any length and with padding."""

from __future__ import annotations

import copy
from pathlib import Path

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
from tests.support.tiny_deberta import build_deberta

BOUND = 1e-3


@pytest.mark.parametrize("tokens", [1, 2, 8, 128, 512])
def test_the_graph_computes_the_logits_of_transformers(
    tokens: int, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    module = build_deberta(12, position_buckets=32, max_position_embeddings=512, num_labels=3)
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
    ids[mask == 0] = 0
    with torch.inference_mode():
        expected = original(input_ids=ids, attention_mask=mask).logits.numpy()
    session = open_session(tmp_path / "model.onnx", 1)
    feeds = {"input_ids": ids.numpy(), "attention_mask": mask.numpy()}
    (logits,) = session.run(None, {v.name: feeds[v.name] for v in session.get_inputs()})
    assert abs(logits - expected).max() < BOUND
    assert abs(expected[0] - expected[2]).max() > 30 * BOUND
