"""A multi-label model passes every stage, the gate, the registry and every command."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coldpress.data.new_rows import NewRowsFile
from tasks.promotion.champion import load_champion
from tasks.score_champion import score_champion
from tests.support.command import Coldpress, new_home
from tests.support.kind_runs import champion_sentence, report_page

pytestmark = pytest.mark.xdist_group("multi_label")

RECIPE = """
name: topics
benchmark:
  kind: multi-label
  source: {origin: files, train: train.jsonl, test: test.jsonl}
  columns: {text: message, labels: topics}
  max_tokens: 32
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 4
  learning_rate: 5.0e-3
  freeze_embeddings: false
distill: {method: logits, student: {layers: 1}, temperature: 2, epochs: 2, learning_rate: 5.0e-3}
prune: [{method: neurons, keep_neurons: 0.5}]
quantize: {method: dynamic-int8}
evaluate:
  latency: {rounds: 60}
  slices: [{method: length, edges: [4]}]
  operating_points:
    - {label: olive, max_false_positive_rate: 0.1}
    - {label: cold, min_precision: 0.5}
gate:
  max_drop: 1.0
  max_champion_drop: 1.0
  max_class_drop: 1.0
  min_speedup: 0.01
  max_label_change: 1.0
  max_calibration_error: 1.0
  operating_points: [{label: olive, min_recall: 0.01, max_recall_drop: 1.0}]
"""


TOPICS = ("cold", "olive", "warm")
WORDS = (*TOPICS, "stone", "slow", "fast", "oil", "press")


def write_rows(path: Path, count: int) -> None:
    """Write texts of some words; each word that is a topic is a label of its text."""
    numbers = random.Random(path.stem)
    with path.open("w") as file:
        for _ in range(count):
            words = numbers.choices(WORDS, k=numbers.randrange(3, 7))
            row = {"message": " ".join(words), "topics": sorted(set(words) & set(TOPICS))}
            file.write(json.dumps(row) + "\n")


@pytest.fixture(scope="module")
def coldpress(
    tmp_path_factory: pytest.TempPathFactory, shared_server: Mapping[str, str]
) -> Coldpress:
    command = new_home(tmp_path_factory.mktemp("multi_label"), RECIPE, shared_server)
    write_rows(command.home / "train.jsonl", 400)
    write_rows(command.home / "test.jsonl", 150)
    return command


@pytest.fixture(scope="module")
def outcome(coldpress: Coldpress) -> dict[str, Any]:
    return coldpress.run_tiny()


def test_every_stage_runs_and_names_its_metric(outcome: dict[str, Any]) -> None:
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    metrics = [stage["metrics"] for stage in outcome["stages"]]
    assert metrics[0]["validation_micro_f1"] > 0.7
    assert metrics[1]["entropy_nats"] > 0
    assert {"temperature", "validation_micro_f1", "parity_label_agreement"} <= metrics[5].keys()
    assert metrics[6]["micro_f1"] > 0.6


def test_the_scorecard_has_scores_by_name_and_by_label(outcome: dict[str, Any]) -> None:
    evaluation = outcome["evaluation"]
    card = evaluation["models"]["onnx"]
    assert (evaluation["kind"], card["metric"], card["accuracy"]) == (
        "multi-label",
        "micro_f1",
        None,
    )
    assert set(card["scores"]) == {"micro_f1", "macro_f1", "ranking_average_precision"}
    assert card["score_interval"]["low"] < card["scores"]["micro_f1"]
    assert card["macro_f1"] == card["scores"]["macro_f1"]
    assert 0 < card["calibration_error"] < 1
    assert tuple(card["per_class"]) == TOPICS
    for label in card["per_class"].values():
        assert label["n"] > 0
        assert 0 < label["threshold"] < 1
    assert card["invariance"]["padding"]["labels"] is not None


def test_groups_are_labels_by_recall_and_slices_by_f1(outcome: dict[str, Any]) -> None:
    equity = outcome["evaluation"]["equity"]
    label = next(group for group in equity if group["name"] == "label olive")
    scores = outcome["evaluation"]["models"]["onnx"]["per_class"]["olive"]
    assert (label["kind"], label["n"]) == ("class", scores["n"])
    assert label["after"] == pytest.approx(scores["recall"])
    assert any(group["kind"] == "length" for group in equity)


def test_the_gate_names_the_metric(outcome: dict[str, Any]) -> None:
    checks = {check["name"]: check for check in outcome["gate"]["checks"]}
    assert outcome["gate"]["passed"]
    sentence = checks["max_drop"]["sentence"]
    assert sentence.startswith("Compared with the teacher, its micro F1 is ")
    assert "texts" in checks["max_label_change"]["sentence"]


def test_the_gate_prints_a_sentence_for_each_bound_of_an_operating_point(
    outcome: dict[str, Any],
) -> None:
    olive, cold = outcome["evaluation"]["models"]["onnx"]["operating_points"]
    assert (olive["label"], olive["max_false_positive_rate"]) == ("olive", 0.1)
    assert (cold["label"], cold["min_precision"]) == ("cold", 0.5)
    assert olive["recall"]["low"] <= olive["recall"]["estimate"] <= olive["recall"]["high"]
    assert (
        outcome["evaluation"]["models"]["teacher"]["operating_points"][0]["recall_change"] is None
    )
    checks = {check["name"]: check for check in outcome["gate"]["checks"]}
    recall = checks["operating_points.0.min_recall"]
    assert recall["value"] == olive["recall"]["low"]
    assert "of olive (a false-positive rate of at most 10 % on validation)" in recall["sentence"]
    assert "operating_points.0.max_recall_drop" in checks


def test_predict_prints_the_labels_above_their_threshold(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    result = coldpress("predict", "topics/1", "olive oil", "warm olive stone")
    assert result.code == 0, result.error
    thresholds = {
        name: label["threshold"]
        for name, label in outcome["evaluation"]["models"]["onnx"]["per_class"].items()
    }
    for line in result.output.splitlines():
        record = json.loads(line)
        assert record.keys() == {"text", "labels", "scores"}
        assert record["scores"].keys() == thresholds.keys()
        expected = [n for n, score in record["scores"].items() if score >= thresholds[n]]
        assert record["labels"] == expected


def test_report_and_card_describe_a_multi_label_model(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    page = report_page(coldpress, "topics/1")
    assert "Micro F1" in page
    assert "Threshold" in page
    assert "Operating points" in page
    card = coldpress("card", "topics/1")
    assert "A multi-label classifier of texts" in card.output
    assert "any number of 3 labels: cold, olive, warm" in card.output
    assert "pipeline_tag: text-classification" in card.output


def test_a_second_version_is_compared_with_the_champion(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    sentence = champion_sentence(coldpress, "topics", "distill.epochs=1")
    assert sentence.startswith("Compared with the champion topics/1, its micro F1")


@pytest.mark.parametrize("labelled", [True, False])
def test_the_champion_is_scored_on_new_rows(
    coldpress: Coldpress, outcome: dict[str, Any], monkeypatch: pytest.MonkeyPatch, labelled: bool
) -> None:
    assert outcome["gate"]["passed"]
    assert coldpress("promote", "topics/1", "--reason", "to be scored").code == 0
    write_rows(coldpress.home / "new.jsonl", 80)
    monkeypatch.setenv("COLDPRESS_HOME", str(coldpress.home / "state"))
    database = coldpress.home / "state" / "mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{database}")
    rows = NewRowsFile(origin="files", path=coldpress.home / "new.jsonl")
    result = score_champion.fn(load_champion("topics"), rows, labelled)
    assert (result.model, result.n) == ("topics/1", 80)
    assert {test.way for test in result.drift} >= {"labels" if labelled else "answers"}
    if labelled:
        assert result.accuracy is not None
        assert result.accuracy.fresh.estimate > 0.5
    else:
        assert result.agreement is not None
        assert result.agreement.fresh.estimate > 0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("evaluate.operating_points.0.label=oil", "operating_points.0.label: "),
        ("gate.operating_points.0.label=warm", "'warm' is not a label of evaluate.operating"),
        ("benchmark.columns.label=topics", "benchmark.columns.label: unknown key"),
        (
            "benchmark.columns.labels=[message, topics]",
            "text and labels are both column 'message'",
        ),
        ("benchmark.columns.labels=[topics]", "train.jsonl line 1: 'topics' is "),
        ("benchmark.columns={text: topics, labels: message}", "train.jsonl line 1: 'm"),
    ],
)
def test_a_wrong_recipe_ends_with_one_line(coldpress: Coldpress, change: str, message: str) -> None:
    result = coldpress("check", "./tiny.yaml", "--set", change)
    assert result.code == 2
    assert len(result.error.strip().splitlines()) == 1
    assert message in result.error
