"""A token classifier passes every stage, the gate, the registry and every command."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from coldpress.data.synthetic_entities import generate
from tests.support.command import Coldpress, new_home
from tests.support.kind_runs import champion_sentence, pull_champion, report_page

pytestmark = pytest.mark.xdist_group("token-classification")

RECIPE = """
name: names
benchmark:
  kind: token-classification
  source: {origin: files, train: train.jsonl, test: test.jsonl}
  columns: {text: request, spans: names}
  max_tokens: 24
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 6
  learning_rate: 5.0e-3
  freeze_embeddings: false
soft_targets: {augment: {copies: 1, crossovers: 1}}
distill: {method: logits, student: {layers: 1}, epochs: 4, learning_rate: 3.0e-3}
prune:
  - {method: vocabulary}
  - {method: neurons, keep_neurons: 0.5}
  - {method: heads, keep_heads: 0.5}
quantize: {method: dynamic-int8}
evaluate:
  latency: {rounds: 60}
  slices: [{method: length, edges: [8]}]
  operating_points: [{label: place, max_false_positive_rate: 0.05}]
gate:
  max_drop: 1.0
  max_champion_drop: 1.0
  max_class_drop: 1.0
  min_speedup: 0.01
  operating_points: [{label: place, min_recall: 0.01, max_recall_drop: 1.0}]
"""


def write_rows(path: Path, count: int, seed: str) -> None:
    """Write generated requests with their names."""
    with path.open("w") as file:
        for example in generate(count, seed):
            row = {"request": example.text, "names": example.spans}
            file.write(json.dumps(row) + "\n")


@pytest.fixture(scope="module")
def coldpress(
    tmp_path_factory: pytest.TempPathFactory, shared_server: Mapping[str, str]
) -> Coldpress:
    command = new_home(tmp_path_factory.mktemp("tokens"), RECIPE, shared_server)
    write_rows(command.home / "train.jsonl", 400, "train")
    write_rows(command.home / "test.jsonl", 120, "test")
    return command


@pytest.fixture(scope="module")
def outcome(coldpress: Coldpress) -> dict[str, Any]:
    return coldpress.run_tiny()


def test_every_stage_runs_and_names_its_metric(outcome: dict[str, Any]) -> None:
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    metrics = [stage["metrics"] for stage in outcome["stages"]]
    assert metrics[0]["validation_entity_f1"] > 0.5
    assert metrics[1]["entropy_nats"] > 0
    assert metrics[5]["parity_label_agreement"] > 0.9
    assert metrics[6]["entity_f1"] > 0.5


def test_the_scorecard_has_scores_of_entities_and_of_each_type(outcome: dict[str, Any]) -> None:
    evaluation = outcome["evaluation"]
    card = evaluation["models"]["onnx"]
    assert (evaluation["kind"], card["metric"]) == ("token-classification", "entity_f1")
    assert set(card["scores"]) == {"entity_f1", "entity_precision", "entity_recall"}
    assert set(card["per_class"]) == {"person", "place", "product"}
    entities = sum(score["n"] for score in card["per_class"].values())
    assert entities == sum(len(example.spans) for example in generate(120, "test"))
    assert card["accuracy"] is card["macro_f1"] is None
    bounds = card["score_interval"]
    assert bounds["low"] < card["scores"]["entity_f1"] < bounds["high"]
    assert card["invariance"]["batch"]["labels"] is not None


def test_groups_are_types_of_entities_and_slices(outcome: dict[str, Any]) -> None:
    evaluation = outcome["evaluation"]
    groups = {group["name"]: group for group in evaluation["equity"]}
    score = evaluation["models"]["onnx"]["per_class"]["product"]
    assert groups["entity product"]["n"] == score["n"]
    assert groups["entity product"]["after"] == pytest.approx(score["recall"])
    assert any(group["kind"] == "length" for group in groups.values())


def test_the_gate_names_the_metric_and_prints_its_interval(outcome: dict[str, Any]) -> None:
    checks = {check["name"]: check for check in outcome["gate"]["checks"]}
    assert outcome["gate"]["passed"]
    sentence = checks["max_drop"]["sentence"]
    assert sentence.startswith("Compared with the teacher, its entity F1 is ")
    assert "95 % interval" in sentence


def test_the_gate_bounds_the_operating_point_of_a_type(outcome: dict[str, Any]) -> None:
    (place,) = outcome["evaluation"]["models"]["onnx"]["operating_points"]
    texts = [{span["label"] for span in example.spans} for example in generate(120, "test")]
    with_place = sum("place" in types for types in texts)
    assert (place["recall"]["n"], place["false_positive_rate"]["n"]) == (
        with_place,
        120 - with_place,
    )
    assert place["recall"]["estimate"] > 0.1
    checks = {check["name"]: check for check in outcome["gate"]["checks"]}
    recall = checks["operating_points.0.min_recall"]
    assert recall["value"] == place["recall"]["low"]
    assert "of place (a false-positive rate of at most 5 % on validation)" in recall["sentence"]


def test_predict_prints_entities_with_offsets(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    # The second text has several times as many tokens as the model reads at once.
    texts = ("Is the Frostbox 3 sold in Oslo?", "Thanks, the Chillmate arrived. " * 12)
    result = coldpress("predict", "names/1", *texts)
    assert result.code == 0, result.error
    answers = [json.loads(line) for line in result.output.splitlines()]
    for text, answer in zip(texts, answers, strict=True):
        assert answer["text"] == text
        for entity in answer["entities"]:
            assert text[entity["start"] : entity["end"]] == entity["text"]
            assert 0 < entity["score"] <= 1
    assert ("Oslo", "place") in [(e["text"], e["label"]) for e in answers[0]["entities"]]
    found = [e for e in answers[1]["entities"] if e["text"] == "Chillmate"]
    assert len(found) >= 6
    assert found[-1]["start"] > 200


def test_report_and_card_describe_a_token_classifier(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    page = report_page(coldpress, "names/1")
    assert "Entity F1" in page
    assert "Types of entities" in page
    assert "entity product" in page
    assert "found if all of its words of the type are flagged" in page
    card = coldpress("card", "names/1")
    assert "A token classifier of texts" in card.output
    assert "It finds entities of 3 types: person, place, product." in card.output
    assert "pipeline_tag: token-classification" in card.output
    assert "A text with the type is found if all of its words of the type are" in card.output
    assert "| place | a false-positive rate of at most 5 % |" in card.output


def test_a_second_version_is_compared_with_the_champion(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    sentence = champion_sentence(coldpress, "names", "distill.epochs=3")
    assert sentence.startswith("Compared with the champion names/1, its entity F1")
    pull_champion(coldpress, "names")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "benchmark.columns={tokens: request, tags: names}",
            "'request' is str, not a list",
        ),
        ("evaluate.operating_points.0.label=B-place", "operating_points.0.label: "),
        ("benchmark.columns.tags=tags", "name either tokens and tags, or text and spans"),
        ("benchmark.columns.text=names", "text and spans are both column 'names'"),
    ],
)
def test_a_wrong_recipe_ends_with_one_line(coldpress: Coldpress, change: str, message: str) -> None:
    result = coldpress("check", "./tiny.yaml", "--set", change)
    assert result.code == 2
    assert len(result.error.strip().splitlines()) == 1
    assert message in result.error
