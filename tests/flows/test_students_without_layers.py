"""Students without layers pass every stage, and their files answer texts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from coldpress.data.synthetic import generate
from tests.support.command import new_home

RECIPE = """
name: small
benchmark:
  kind: text-classification
  source: {origin: synthetic, train_examples: 240, test_examples: 120}
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 2
  learning_rate: 5.0e-3
  freeze_embeddings: false
distill: {method: METHOD}
quantize: {method: static-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0}
"""
STATIC = "static, width: 16, neurons: 32, ngram_rows: 1000"
CONVOLUTION = "convolution, width: 16, window: 3, filters: 24"


@pytest.mark.parametrize(
    ("method", "most_macs"),
    [
        # One matrix product for a text, whatever its length: no layer reads a token.
        (STATIC, 16 * 32 + 32 * 8),
        # One product of a window for each token, and one for a text.
        (CONVOLUTION, 3 * 16 * 24 + 24 * 8),
    ],
    ids=["static", "convolution"],
)
def test_a_student_without_layers_passes_every_stage_and_predicts(
    method: str, most_macs: int, tmp_path: Path, shared_server: Mapping[str, str]
) -> None:
    coldpress = new_home(tmp_path, RECIPE.replace("METHOD", method), shared_server)
    outcome = coldpress.run_tiny()
    statuses = ["ran"] * 3 + ["skipped"] + ["ran"] * 3
    assert [stage["status"] for stage in outcome["stages"]] == statuses
    final = outcome["evaluation"]["models"]["onnx"]
    assert final["macs_per_token"] < most_macs
    assert final["invariance"]["batch"]["largest_logit"] == 0.0
    text, _ = generate(1, "words")[0]
    result = coldpress("predict", "small", text)
    assert result.code == 0, result.error
    assert sum(json.loads(result.output)["scores"].values()) == pytest.approx(1.0, abs=1e-3)
    refused = coldpress("check", "tiny.yaml", "--set", "prune=[{method: vocabulary}]")
    assert refused.code == 2
    name = method.split(",")[0]
    message = f"prune.0.method: vocabulary is not possible with distill.method {name}"
    assert message in refused.error
