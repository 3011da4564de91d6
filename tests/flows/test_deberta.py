"""A family with disentangled attention and a Unigram vocabulary passes every stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coldpress.data.synthetic import generate
from tests.support.command import new_home
from tests.support.tiny_deberta import write_deberta

TEXTS = [text for text, _ in generate(200, "words")]
RECIPE = """
name: deberta
benchmark:
  kind: text-classification
  source: {origin: synthetic, train_examples: 200, test_examples: 60}
  max_tokens: 32
teacher: {model: ./teacher, epochs: 3, learning_rate: 2.0e-3, freeze_embeddings: false}
distill: {method: hidden, student: {layers: 2, take: last}, layer_epochs: 1, epochs: 1}
prune:
  - {method: vocabulary}
  - {method: fisher, keep_macs: 0.6}
quantize: {method: static-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0, max_class_drop: 1.0, min_speedup: 0.01}
"""


def test_a_deberta_passes_every_stage_and_predicts(
    tmp_path: Path, shared_server: Mapping[str, str]
) -> None:
    coldpress = new_home(tmp_path, RECIPE, shared_server)
    # Words of no text have tokens, too.
    write_deberta(tmp_path / "teacher", [*TEXTS, *["quartz zephyr"] * 99])
    outcome = coldpress.run_tiny()
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    assert outcome["stages"][5]["metrics"]["parity_label_agreement"] > 0.95
    assert outcome["evaluation"]["models"]["onnx"]["invariance"]["batch"]["largest_logit"] == 0.0
    result = coldpress("predict", "deberta", TEXTS[0])
    assert result.code == 0, result.error
    assert sum(json.loads(result.output)["scores"].values()) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"share_att_key": False}, "share_att_key is False, only True is supported"),
        ({"position_biased_input": True}, "position_biased_input is True, only False"),
        ({"conv_kernel_size": 3}, "conv_kernel_size is 3, only 0 is supported"),
        ({"pos_att_type": "c2p"}, "pos_att_type is 'c2p', only 'p2c|c2p' is supported"),
        ({"position_buckets": 0}, "position_buckets is missing, or not a positive number"),
        ({"embedding_size": 8}, "embedding_size is not the hidden size"),
    ],
)
def test_other_kinds_of_positions_are_refused(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    coldpress = new_home(tmp_path, RECIPE)
    write_deberta(tmp_path / "teacher", TEXTS)
    path = tmp_path / "teacher" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    result = coldpress("check", "tiny.yaml")
    assert result.code == 2
    assert message in " ".join(result.error.split())
