"""Models that are run for their outputs alone teach a student through every stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coldpress.data.synthetic import generate
from tests.support.command import new_home
from tests.support.decoder_models import save_decoder
from tests.support.json_lines import write_jsonl

LABELS = tuple(sorted({label for _, label in generate(600, "train")}))
RECIPE = """
name: tiny
benchmark:
  kind: text-classification
  source: {origin: files, train: train.jsonl, validation: validation.jsonl, test: test.jsonl}
  train_labels: false
teacher: TEACHER
distill:
  method: logits
  student: {from: {origin: scratch, layers: 1, hidden_size: 32, heads: 4, neurons: 64}}
  epochs: 1
  learning_rate: 5.0e-3
  freeze_embeddings: false
quantize: {method: dynamic-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0}
"""


def teacher_section(origin: str, directory: Path) -> dict[str, Any]:
    section: dict[str, Any] = {"origin": origin, "model": str(directory)}
    if origin == "zero-shot":
        save_decoder(directory, labels=("entailment", "contradiction"))
        section["labels"] = {label: f"cold {label}" for label in LABELS}
    else:
        save_decoder(directory, "llama", LABELS, padded=False)
    return section


@pytest.mark.parametrize("origin", ["outputs", "zero-shot"])
def test_unlabelled_texts_are_enough_to_train_on(
    origin: str, tmp_path: Path, shared_server: Mapping[str, str]
) -> None:
    section = teacher_section(origin, tmp_path / "model")
    coldpress = new_home(
        tmp_path / "home", RECIPE.replace("TEACHER", json.dumps(section)), shared_server
    )
    for split, count in (("train", 120), ("validation", 60), ("test", 60)):
        rows = [{"text": text, "label": label} for text, label in generate(count, split)]
        unlabelled = [{"text": row["text"]} for row in rows]
        write_jsonl(coldpress.home / f"{split}.jsonl", unlabelled if split == "train" else rows)
    outcome = coldpress.run_tiny()
    statuses = [stage["status"] for stage in outcome["stages"]]
    assert statuses == ["skipped", "ran", "ran", "skipped", "ran", "ran", "ran"]
    teacher = outcome["evaluation"]["models"]["teacher"]
    assert teacher["runtime"] == "torch"
    timed = origin == "outputs"
    assert (teacher["latency_ms"] is not None, teacher["bytes"] is not None) == (timed, timed)
    final = outcome["evaluation"]["models"]["onnx"]
    assert (final["speedup"] is not None, final["difference"] is not None) == (timed, True)
    assert coldpress.run_tiny()["stages"][1]["status"] == "reused"
