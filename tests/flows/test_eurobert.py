"""A family with shared keys and values and a tokenizer of Llama 3's kind passes every stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coldpress.data.synthetic import generate
from tests.support.command import new_home
from tests.support.tiny_eurobert import write_eurobert

TEXTS = [text for text, _ in generate(200, "words")]
RECIPE = """
name: eurobert
benchmark:
  kind: text-classification
  source: {origin: synthetic, train_examples: 200, test_examples: 60}
  max_tokens: 32
teacher: {model: ./teacher, epochs: 3, learning_rate: 2.0e-3, freeze_embeddings: false}
distill: {method: hidden, student: {layers: 2, take: last}, layer_epochs: 1, epochs: 1}
prune:
  - {method: vocabulary}
  - {method: embeddings, rank: 16}
  - {method: fisher, keep_macs: 0.6}
  - {method: fisher, keep_latency: 0.9}
quantize: {method: static-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0, max_class_drop: 1.0, min_speedup: 0.01}
"""


def test_a_eurobert_passes_every_stage_and_predicts(
    tmp_path: Path, shared_server: Mapping[str, str]
) -> None:
    coldpress = new_home(tmp_path, RECIPE, shared_server)
    # Words of no text have tokens, too.
    write_eurobert(tmp_path / "teacher", [*TEXTS, *["quartz zephyr"] * 99])
    outcome = coldpress.run_tiny()
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    assert outcome["stages"][5]["metrics"]["parity_label_agreement"] > 0.95
    assert outcome["evaluation"]["models"]["onnx"]["invariance"]["batch"]["largest_logit"] == 0.0
    result = coldpress("predict", "eurobert", TEXTS[0])
    assert result.code == 0, result.error
    assert sum(json.loads(result.output)["scores"].values()) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope_scaling is not of the default"),
        ({"sliding_window": 128}, "sliding_window is set, which is not supported"),
        ({"is_decoder": True}, "is_decoder is True, only False is supported"),
        ({"num_key_value_heads": 3}, "num_key_value_heads is 3, no divisor of 4"),
        ({"head_dim": 16}, "head_dim is 16, only 8 is supported"),
        ({"num_key_value_heads": 1}, "has the shape 16 x 32, but by config.json it should be 8"),
    ],
)
def test_other_kinds_of_attention_are_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    coldpress = new_home(tmp_path, RECIPE)
    write_eurobert(tmp_path / "teacher", TEXTS)
    path = tmp_path / "teacher" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    result = coldpress("check", "tiny.yaml")
    assert result.code == 2
    assert message in " ".join(result.error.split())
