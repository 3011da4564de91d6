"""A cross-encoder passes every stage, the gate, the registry and every command."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from coldpress.data import synthetic_ranking
from tests.support.command import Coldpress, new_home
from tests.support.kind_runs import report_page

pytestmark = pytest.mark.xdist_group("ranking")

RECIPE = """
name: find
benchmark:
  kind: ranking
  source: {origin: files, train: train.jsonl, test: test.jsonl}
  columns: {query: question, document: request, relevance: relevant, query_id: id}
  max_tokens: 48
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 3
  batch_size: 12
  learning_rate: 5.0e-3
  freeze_embeddings: false
distill: {method: hidden, student: {layers: 1}, layer_epochs: 1, epochs: 3}
prune: [{method: neurons, keep_neurons: 0.5}, {method: heads, keep_heads: 0.5}]
quantize: {method: dynamic-int8}
evaluate:
  latency: {rounds: 60}
  slices: [{method: length, edges: [5]}]
gate: {max_drop: 1.0, max_champion_drop: 1.0, max_class_drop: 1.0, min_speedup: 0.01}
"""


def write_rows(path: Path, count: int, seed: str) -> None:
    """Write queries with six documents each."""
    rows = synthetic_ranking.generate(count, seed)
    with path.open("w") as file:
        for question, request, relevant in rows:
            row = {"id": question, "question": question, "request": request, "relevant": relevant}
            file.write(json.dumps(row) + "\n")


@pytest.fixture(scope="module")
def coldpress(
    tmp_path_factory: pytest.TempPathFactory, shared_server: Mapping[str, str]
) -> Coldpress:
    command = new_home(tmp_path_factory.mktemp("ranking"), RECIPE, shared_server)
    write_rows(command.home / "train.jsonl", 900, "train")
    write_rows(command.home / "test.jsonl", 240, "test")
    return command


@pytest.fixture(scope="module")
def outcome(coldpress: Coldpress) -> dict[str, Any]:
    return coldpress.run_tiny()


def test_every_stage_runs_and_names_its_metric(outcome: dict[str, Any]) -> None:
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    metrics = [stage["metrics"] for stage in outcome["stages"]]
    assert 0 < metrics[0]["validation_ndcg_at_10"] <= 1
    assert "step_1_neurons_pruned_ndcg_at_10" in metrics[3]
    assert {"parity_label_agreement", "temperature"}.isdisjoint(metrics[5])


def test_the_scorecard_has_scores_with_an_interval_over_queries(outcome: dict[str, Any]) -> None:
    evaluation = outcome["evaluation"]
    card = evaluation["models"]["onnx"]
    assert (evaluation["kind"], evaluation["n"]) == ("ranking", 240)
    assert (card["metric"], set(card["scores"])) == (
        "ndcg_at_10",
        {"ndcg_at_10", "mrr_at_10", "map"},
    )
    assert card["accuracy"] is None
    bounds = card["score_interval"]
    assert bounds["low"] < card["scores"]["ndcg_at_10"] < bounds["high"]
    assert all(pair["n"] == 40 for pair in evaluation["comparisons"])


def test_groups_are_groups_of_queries(outcome: dict[str, Any]) -> None:
    equity = outcome["evaluation"]["equity"]
    by_relevance = {group["name"]: group["n"] for group in equity if group["kind"] == "target"}
    assert set(by_relevance) == {"1 relevant document", "2 relevant or more"}
    assert sum(by_relevance.values()) == 40
    assert sum(group["n"] for group in equity if group["kind"] == "length") == 40


def test_the_gate_counts_queries(outcome: dict[str, Any]) -> None:
    checks = {check["name"]: check for check in outcome["gate"]["checks"]}
    assert outcome["gate"]["passed"]
    sentence = checks["max_drop"]["sentence"]
    assert sentence.startswith("Compared with the teacher, its nDCG@10 is ")
    assert "n = 40 queries)" in sentence


def test_predict_prints_the_score_of_each_pair(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    pairs = ("--pair", "where is my order", "--pair", "my login")
    result = coldpress("predict", "find/1", "the late parcel", "the price", *pairs)
    assert result.code == 0, result.error
    records = [json.loads(line) for line in result.output.splitlines()]
    assert [record["text"] for record in records] == ["the late parcel", "the price"]
    assert all(record.keys() == {"text", "score"} for record in records)


def test_predict_sorts_several_documents_of_a_query(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    documents = ["my password fails", "where is my order", "the lamp is dead"]
    pairs = [argument for document in documents for argument in ("--pair", document)]
    result = coldpress("predict", "find/1", "the late parcel", *pairs)
    assert result.code == 0, result.error
    records = [json.loads(line) for line in result.output.splitlines()]
    scores = [record["score"] for record in records]
    assert scores == sorted(scores, reverse=True)
    assert [documents[record["index"]] for record in records] == [r["document"] for r in records]


def test_report_and_card_describe_a_cross_encoder(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    page = report_page(coldpress, "find/1")
    assert "All models on the same 40 test queries" in page
    assert "MRR@10" in page
    assert "Accuracy" not in page
    card = coldpress("card", "find/1").output
    assert "pipeline_tag: text-ranking" in card
    assert "A cross-encoder of pairs of texts" in card
    assert 'rank("a query", ["a document", "another document"])' in card


def test_check_counts_queries(coldpress: Coldpress) -> None:
    result = coldpress("check", "./tiny.yaml")
    assert result.code == 0, result.error
    words = " ".join(result.output.split())
    assert "15 validation, 40 test" in words
    assert "test queries also in train" in words


def with_relevance(*values: object) -> list[dict[str, object]]:
    """Rows of one query after one with a relevant and another document."""
    first = [("a", "q", value) for value in (1, 0)]
    rows = [*first, *(("b", "r", value) for value in values)]
    return [{"id": i, "question": q, "request": "d", "relevant": r} for i, q, r in rows]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (with_relevance(0, 0), "bad.jsonl line 3: this query has no relevant document"),
        (with_relevance(1), "bad.jsonl line 3: this query has a single document"),
        (with_relevance(1, "much"), "bad.jsonl line 4: 'relevant' is 'much', not a number"),
        (with_relevance(1, -2), "bad.jsonl line 4: 'relevant' is -2; relevance is 0 or higher"),
        (with_relevance(1, 1)[2:], "bad.jsonl: no query has documents of different relevance"),
    ],
)
def test_a_wrong_row_ends_with_one_line(
    coldpress: Coldpress, rows: Sequence[dict[str, object]], message: str
) -> None:
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (coldpress.home / "bad.jsonl").write_text(lines)
    result = coldpress("check", "./tiny.yaml", "--set", "benchmark.source.test=bad.jsonl")
    assert result.code == 2
    assert len(result.error.strip().splitlines()) == 1
    assert message in result.error
    assert "benchmark.source.test" in result.error


def test_the_built_in_dataset_needs_no_files(coldpress: Coldpress) -> None:
    source = "benchmark.source={origin: synthetic, train_examples: 600, test_examples: 61}"
    result = coldpress("check", "./tiny.yaml", "--set", source)
    assert result.code == 0, result.error
    assert "10 test" in result.output
