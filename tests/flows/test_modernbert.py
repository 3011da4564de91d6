"""A family whose modules are fused, whose places turn, and whose head reads every token."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coldpress.data.synthetic import generate
from tests.support.command import Coldpress, new_home
from tests.support.tiny_modernbert import write_modernbert

TEXTS = [text for text, _ in generate(200, "words")]

RECIPE = """
name: modern
benchmark:
  kind: text-classification
  source: {origin: synthetic, train_examples: 200, test_examples: 60}
  max_tokens: 32
teacher: {model: ./teacher, epochs: 3, learning_rate: 2.0e-3, freeze_embeddings: false}
distill: {method: hidden, student: {layers: 2, take: last}, layer_epochs: 1, epochs: 1}
prune:
  - {method: vocabulary}
  - {method: fisher, keep_macs: 0.6}
  - {method: fisher, keep_latency: 0.9}
quantize: {method: static-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0, max_class_drop: 1.0, min_speedup: 0.01}
"""


@pytest.fixture(scope="module")
def coldpress(
    tmp_path_factory: pytest.TempPathFactory, shared_server: Mapping[str, str]
) -> Coldpress:
    return new_home(tmp_path_factory.mktemp("modern"), RECIPE, shared_server)


def config(home: Path, model: str, name: str = "config.json") -> dict[str, Any]:
    (file,) = home.rglob(f"{model.removeprefix('models:/')}/**/{name}")
    described: dict[str, Any] = json.loads(file.read_text())
    return described


def test_a_modernbert_passes_every_stage_and_predicts(coldpress: Coldpress) -> None:
    # Words that nobody says have tokens too.
    write_modernbert(coldpress.home / "teacher", [*TEXTS, *["quartz zephyr"] * 99])
    outcome = coldpress.run_tiny()
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    models = outcome["evaluation"]["models"]
    assert models["onnx"]["compression"] > 2
    assert models["onnx"]["invariance"]["rows"] == 60
    assert outcome["stages"][5]["metrics"]["parity_label_agreement"] > 0.95
    pruned = config(coldpress.home, outcome["stages"][3]["model_uri"], "coldpress.json")
    # What was measured is kept: nobody could say afterwards why these heads stay.
    (table,) = pruned["notes"]["latency_tables"]
    assert table["smallest"] > 0
    assert table["heads"][0] == [1, 0.0]
    quantized = config(coldpress.home, outcome["stages"][4]["model_uri"])
    # The upper two of three layers, the first of which keeps the normalization that it had.
    assert quantized["layer_types"] == ["sliding_attention"] * 2
    assert quantized["first_attention_norm"] is True
    assert quantized["vocab_size"] < 400
    result = coldpress("predict", "modern", TEXTS[0])
    assert result.code == 0, result.error
    assert sum(json.loads(result.output)["scores"].values()) == pytest.approx(1.0, abs=1e-3)
