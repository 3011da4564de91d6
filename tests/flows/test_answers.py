"""Answers from files take the teacher's place: without weights, from check to promotion."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coldpress.data.synthetic import generate
from tests.support.command import Coldpress, new_home
from tests.support.json_lines import write_jsonl

RECIPE = """
name: tiny
benchmark:
  kind: text-classification
  source: {origin: files, train: train.jsonl, test: test.jsonl}
teacher: {origin: answers, train: answers.jsonl, test: test-answers.jsonl}
distill:
  method: logits
  student:
    from: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
    layers: 1
  epochs: 3
  learning_rate: 5.0e-3
  freeze_embeddings: false
prune: [{method: neurons, keep_neurons: 0.5}]
quantize: {method: dynamic-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0}
"""


def answer(label: str, labels: list[str], wrong: bool) -> dict[str, float]:
    """Return the two most probable labels, the right one first unless `wrong`."""
    other = next(name for name in labels if name != label)
    first, second = (other, label) if wrong else (label, other)
    return {first: 0.7, second: 0.2}


@pytest.fixture
def home(tmp_path: Path, shared_server: Mapping[str, str]) -> Coldpress:
    """A home with data and answers, of which every tenth is wrong."""
    coldpress = new_home(tmp_path, RECIPE, shared_server)
    labels = sorted({label for _, label in generate(240, "train")})
    for split, count in (("train", 240), ("test", 120)):
        rows = generate(count, split)
        write_jsonl(tmp_path / f"{split}.jsonl", [{"text": t, "label": name} for t, name in rows])
        name = "answers.jsonl" if split == "train" else "test-answers.jsonl"
        # One text may have two labels, but only one answer.
        answers = {t: answer(name, labels, i % 10 == 0) for i, (t, name) in enumerate(rows)}
        write_jsonl(tmp_path / name, [{"text": t, "answer": a} for t, a in answers.items()])
    return coldpress


def statuses(outcome: dict[str, Any]) -> list[str]:
    return [stage["status"] for stage in outcome["stages"]]


def test_answers_train_a_student_and_are_evaluated(home: Coldpress) -> None:
    checked = home("check", "tiny.yaml")
    assert checked.code == 0, checked.error
    assert "120 of 120 test" in " ".join(checked.output.split())
    outcome = home.run_tiny()
    assert statuses(outcome) == ["skipped"] + ["ran"] * 6
    models = outcome["evaluation"]["models"]
    assert list(models) == ["teacher", "student", "pruned", "quantized", "onnx"]
    teacher = models["teacher"]
    assert (teacher["runtime"], teacher["bytes"], teacher["latency_ms"]) == ("answers", None, None)
    assert teacher["accuracy"] > 0.8
    assert models["onnx"]["difference"] is not None
    assert models["onnx"]["speedup"] is None
    assert [check["name"] for check in outcome["gate"]["checks"]] == ["max_drop", "parity"]
    assert statuses(home.run_tiny()) == ["skipped"] + ["reused"] * 6
    promoted = home("promote", "tiny/1", "--reason", "a test of answers")
    assert promoted.code == 0, promoted.error
    lineage = json.loads(home("lineage", "tiny/1", "--json").output)
    assert "train_teacher" not in json.dumps(lineage)
    written = home("report", "tiny/1", "--out", "report.html")
    assert written.code == 0, written.error
    assert "training rows have another answer" in (home.home / "report.html").read_text()
    collected = home("gc")
    assert collected.code == 0, collected.error


def test_without_test_answers_the_gate_has_an_absolute_bound(home: Coldpress) -> None:
    refused = home("check", "tiny.yaml", "--set", "teacher.test=null")
    assert refused.code == 2
    assert "gate.max_drop: without teacher.test, nothing is compared" in refused.error
    changes = ("teacher.test=null", "gate={max_drop: null, min_score: 0.99}", "prune=null")
    words = [word for change in changes for word in ("--set", change)]
    result = home("run", "tiny.yaml", "--json", "outcome.json", *words)
    assert result.code == 1, result.error
    outcome = json.loads((home.home / "outcome.json").read_text())
    models = outcome["evaluation"]["models"]
    assert list(models) == ["student", "quantized", "onnx"]
    assert models["onnx"]["retention"] is None
    assert outcome["evaluation"]["equity"] == []
    assert [check["name"] for check in outcome["gate"]["checks"]] == ["min_score", "parity"]
    assert outcome["gate"]["checks"][0]["passed"] is False


def test_validation_rows_of_their_own_need_answers_too(home: Coldpress) -> None:
    rows = [{"text": text, "label": label} for text, label in generate(200, "validation")]
    write_jsonl(home.home / "validation.jsonl", rows)
    own = ("--set", "benchmark.source.validation=validation.jsonl")
    refused = home("run", "tiny.yaml", *own)
    assert refused.code == 2
    assert "teacher.validation: missing; with teacher.test, models and" in refused.error
    labels = sorted({row["label"] for row in rows})
    answers = {row["text"]: answer(row["label"], labels, False) for row in rows}
    some = [{"text": t, "answer": a} for t, a in list(answers.items())[:-2]]
    write_jsonl(home.home / "validation-answers.jsonl", some)
    given = ("teacher.validation=validation-answers.jsonl", "teacher.max_unanswered=0.1")
    result = home("run", "tiny.yaml", *own, *(word for g in given for word in ("--set", g)))
    assert result.code == 0, result.error


def test_an_invalid_answer_stops_the_run_before_anything_is_registered(home: Coldpress) -> None:
    path = home.home / "answers.jsonl"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0].replace("0.7", "1.7"), *lines[1:]]))
    result = home("run", "tiny.yaml")
    assert result.code == 2
    assert "answers.jsonl line 1: 'answer'" in result.error
    assert "1.7, not a probability from 0 to 1" in result.error
    assert not (home.home / "state" / "artifacts").exists()
