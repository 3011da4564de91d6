"""A regression model passes every stage, the gate, the registry and every command."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Coldpress, new_home
from tests.support.kind_runs import champion_sentence, pull_champion, report_page

pytestmark = pytest.mark.xdist_group("regression")

RECIPE = """
name: heat
benchmark:
  kind: regression
  source: {origin: files, train: train.jsonl, test: test.jsonl}
  columns: {text: first, text_pair: second, target: heat}
  max_tokens: 32
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 6
  learning_rate: 5.0e-3
  freeze_embeddings: false
distill: {method: hidden, student: {layers: 1}, layer_epochs: 1, epochs: 4}
prune: [{method: neurons, keep_neurons: 0.5}, {method: heads, keep_heads: 0.5}]
quantize: {method: dynamic-int8}
evaluate:
  latency: {rounds: 60}
  slices: [{method: length, edges: [8]}]
gate: {max_drop: 1.0, max_champion_drop: 1.0, max_class_drop: 1.0, min_speedup: 0.01}
"""


def write_rows(path: Path, count: int, seed: int) -> None:
    """Write pairs of sentences; the target is the number of warm words, with noise."""
    numbers = random.Random(seed)
    with path.open("w") as file:
        for _ in range(count):
            words = numbers.choices(("warm", "cold", "olive", "stone", "slow"), k=8)
            heat = words.count("warm") + numbers.gauss(0, 0.3)
            row = {"first": " ".join(words[:4]), "second": " ".join(words[4:]), "heat": heat}
            file.write(json.dumps(row) + "\n")


@pytest.fixture(scope="module")
def coldpress(
    tmp_path_factory: pytest.TempPathFactory, shared_server: Mapping[str, str]
) -> Coldpress:
    command = new_home(tmp_path_factory.mktemp("regression"), RECIPE, shared_server)
    write_rows(command.home / "train.jsonl", 400, 0)
    write_rows(command.home / "test.jsonl", 120, 1)
    return command


@pytest.fixture(scope="module")
def outcome(coldpress: Coldpress) -> dict[str, Any]:
    return coldpress.run_tiny()


def test_every_stage_runs_and_names_its_metric(outcome: dict[str, Any]) -> None:
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    metrics = [stage["metrics"] for stage in outcome["stages"]]
    assert metrics[0]["validation_spearman"] > 0.5
    assert "step_1_neurons_pruned_spearman" in metrics[3]
    assert {"parity_label_agreement", "temperature"}.isdisjoint(metrics[5])
    assert metrics[6]["spearman"] > 0.5


def test_the_scorecard_has_scores_by_name_and_no_accuracy(outcome: dict[str, Any]) -> None:
    evaluation = outcome["evaluation"]
    card = evaluation["models"]["onnx"]
    assert (evaluation["kind"], card["metric"]) == ("regression", "spearman")
    assert set(card["scores"]) == {"spearman", "pearson"}
    assert card["accuracy"] is card["macro_f1"] is card["calibration_error"] is None
    bounds = card["score_interval"]
    assert bounds["low"] < card["scores"]["spearman"] < bounds["high"]
    teacher = evaluation["models"]["teacher"]["scores"]["spearman"]
    assert card["retention"] == pytest.approx(card["scores"]["spearman"] / teacher)
    assert card["invariance"]["batch"]["labels"] is None


def test_groups_are_ranges_of_the_target_and_slices(outcome: dict[str, Any]) -> None:
    equity = outcome["evaluation"]["equity"]
    ranges = [group for group in equity if group["kind"] == "target"]
    assert sum(group["n"] for group in ranges) == 120
    assert all(group["name"].startswith("target ") for group in ranges)
    assert any(group["kind"] == "length" for group in equity)


def test_the_gate_names_the_metric_and_prints_its_interval(outcome: dict[str, Any]) -> None:
    checks = {check["name"]: check for check in outcome["gate"]["checks"]}
    assert outcome["gate"]["passed"]
    sentence = checks["max_drop"]["sentence"]
    assert sentence.startswith("Compared with the teacher, its Spearman correlation is ")
    assert "95 % interval" in sentence


def test_predict_prints_a_number(coldpress: Coldpress, outcome: dict[str, Any]) -> None:
    assert outcome["gate"]["passed"]
    texts = ("warm warm warm warm", "cold cold cold cold")
    pairs = ("--pair", "warm warm", "--pair", "cold cold")
    result = coldpress("predict", "heat/1", *texts, *pairs)
    assert result.code == 0, result.error
    first, second = (json.loads(line) for line in result.output.splitlines())
    assert first.keys() == {"text", "score"}
    assert first["score"] > second["score"]


def test_report_and_card_describe_a_regression_model(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    page = report_page(coldpress, "heat/1")
    assert "Spearman correlation" in page
    assert "Accuracy" not in page
    card = coldpress("card", "heat/1")
    assert "A regression model of pairs of texts" in card.output
    assert "spearmanr" in card.output
    assert "calibration" not in card.output


def test_a_second_version_is_compared_with_the_champion(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    sentence = champion_sentence(coldpress, "heat", "distill.epochs=3")
    assert sentence.startswith("Compared with the champion heat/1, its Spearman")
    pull_champion(coldpress, "heat")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("gate.max_calibration_error=0.1", "gate.max_calibration_error: not possible with"),
        ("benchmark.columns.label=heat", "benchmark.columns.label: unknown key"),
        ("benchmark.columns={text: heat, target: first}", "train.jsonl line 1: "),
        ("benchmark.kind=sorting", "is not one of 'sentence-embedding', 'text-classification'"),
    ],
)
def test_a_wrong_recipe_ends_with_one_line(coldpress: Coldpress, change: str, message: str) -> None:
    result = coldpress("check", "./tiny.yaml", "--set", change)
    assert result.code == 2
    assert len(result.error.strip().splitlines()) == 1
    assert message in result.error
