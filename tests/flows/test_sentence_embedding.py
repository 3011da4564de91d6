"""A sentence embedding model passes every stage, the gate, the registry and every command."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Coldpress, new_home
from tests.support.json_lines import write_jsonl
from tests.support.kind_runs import champion_sentence, pull_champion, report_page

pytestmark = pytest.mark.xdist_group("sentence-embedding")

RECIPE = """
name: search
benchmark:
  kind: sentence-embedding
  source: {origin: files, train: train.jsonl}
  judge: {corpus: corpus.jsonl, queries: queries.jsonl, qrels: test.tsv}
  max_tokens: 32
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 0
distill: {method: logits, student: {layers: 1, dimension: 24}, epochs: 4, learning_rate: 1.0e-3}
prune: [{method: neurons, keep_neurons: 0.5}, {method: heads, keep_heads: 0.5}]
quantize: {method: dynamic-int8}
evaluate:
  latency: {rounds: 60}
  slices: [{method: length, edges: [3]}, {method: column, column: topic, min_rows: 5}]
gate: {max_drop: 1.0, max_champion_drop: 1.0, max_class_drop: 1.0, min_speedup: 0.01}
"""
WORDS = [f"{first}{second}" for first in ("oil", "sto", "war", "col") for second in "abcdefgh"]


def write_data(home: Path) -> None:
    """Write documents of six words, and queries of three or four words of every second one."""
    numbers = random.Random(0)
    documents = [numbers.choices(WORDS, k=6) for _ in range(120)]
    corpus = [
        {"_id": f"d{n}", "title": words[0], "text": " ".join(words[1:])}
        for n, words in enumerate(documents)
    ]
    queries = [
        {"_id": f"q{n}", "text": " ".join(words[: 3 + n % 4 // 2]), "topic": words[0][:3]}
        for n, words in enumerate(documents)
    ]
    judged = "".join(f"q{n}\td{n}\t1\n" for n in range(0, 120, 2))
    write_jsonl(home / "corpus.jsonl", corpus)
    write_jsonl(home / "queries.jsonl", queries)
    (home / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    texts = [{"text": " ".join(numbers.choices(WORDS, k=5))} for _ in range(200)]
    write_jsonl(home / "train.jsonl", [*texts, *queries])
    pairs = [
        {"sentence1": " ".join(a), "sentence2": " ".join(b), "score": len({*a} & {*b})}
        for a, b in ((numbers.choices(WORDS, k=8), numbers.choices(WORDS, k=8)) for _ in range(60))
    ]
    write_jsonl(home / "pairs.jsonl", pairs)


@pytest.fixture(scope="module")
def coldpress(
    tmp_path_factory: pytest.TempPathFactory, shared_server: Mapping[str, str]
) -> Coldpress:
    command = new_home(tmp_path_factory.mktemp("sentence-embedding"), RECIPE, shared_server)
    write_data(command.home)
    return command


@pytest.fixture(scope="module")
def outcome(coldpress: Coldpress) -> dict[str, Any]:
    return coldpress.run_tiny()


def test_every_stage_runs_and_epochs_are_selected_by_cosine(outcome: dict[str, Any]) -> None:
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    metrics = [stage["metrics"] for stage in outcome["stages"]]
    # 200 texts, 120 documents and 60 queries that are not judged, without a tenth.
    assert metrics[0] == {"train_rows": 342}
    assert metrics[2]["validation_cosine"] > 0.8
    assert "step_1_neurons_pruned_cosine" in metrics[3]
    assert {"parity_label_agreement", "temperature"}.isdisjoint(metrics[5])
    assert metrics[6]["ndcg_at_10"] > 0.2


def test_the_scorecard_has_retrieval_metrics_and_no_accuracy(outcome: dict[str, Any]) -> None:
    evaluation = outcome["evaluation"]
    assert (evaluation["kind"], evaluation["n"]) == ("sentence-embedding", 60)
    card = evaluation["models"]["onnx"]
    assert card["metric"] == "ndcg_at_10"
    assert set(card["scores"]) == {"ndcg_at_10", "recall_at_100"}
    assert card["accuracy"] is card["macro_f1"] is card["calibration_error"] is None
    bounds = card["score_interval"]
    assert bounds["low"] < card["scores"]["ndcg_at_10"] < bounds["high"]
    assert 0.2 < card["agreement"] < 1
    assert evaluation["models"]["teacher"]["agreement"] == 1
    float32, int8, binary, *_ = card["vector_forms"]
    assert float32["score"] == pytest.approx(card["scores"]["ndcg_at_10"])
    assert (float32["bytes"], int8["bytes"], binary["bytes"]) == (11520, 2976, 360)
    assert evaluation["models"]["teacher"]["vector_forms"] == []


def test_groups_are_slices_of_queries(outcome: dict[str, Any]) -> None:
    groups = [
        (group["kind"], group["name"], group["n"]) for group in outcome["evaluation"]["equity"]
    ]
    assert groups[:2] == [("length", "up to 3 words", 30), ("length", "4 words and more", 30)]
    assert {kind for kind, _, _ in groups[2:]} == {"column"}


def test_the_gate_names_the_metric_and_counts_queries(outcome: dict[str, Any]) -> None:
    checks = {check["name"]: check for check in outcome["gate"]["checks"]}
    assert outcome["gate"]["passed"]
    sentence = checks["max_drop"]["sentence"]
    assert sentence.startswith("Compared with the teacher, its nDCG@10 is ")
    assert "95 % interval" in sentence
    assert "n = 60" in sentence


def test_predict_prints_a_vector_of_the_students_dimension(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    result = coldpress("predict", "search/1", "oila stob", "oila stob colc")
    assert result.code == 0, result.error
    first, second = (json.loads(line) for line in result.output.splitlines())
    assert first.keys() == {"text", "vector"}
    assert len(first["vector"]) == len(second["vector"]) == 24
    assert math.sqrt(sum(number**2 for number in first["vector"])) == pytest.approx(1, abs=1e-3)


def test_an_index_of_the_corpus_finds_the_document_of_a_query(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    built = coldpress("index", "search/1", "corpus.jsonl", "index")
    assert built.code == 0, built.error
    assert built.output.startswith("120 documents, ")
    first = json.loads((coldpress.home / "corpus.jsonl").read_text().splitlines()[0])
    text = f"{first['title']} {first['text']}"
    result = coldpress("search-index", "index", text, "--top", "3")
    assert result.code == 0, result.error
    hits = [json.loads(line) for line in result.output.splitlines()]
    assert len(hits) == 3
    assert (hits[0]["_id"], hits[0]["text"]) == ("d0", text)
    assert hits[0]["score"] == pytest.approx(1, abs=0.02)
    assert hits[0]["score"] >= hits[1]["score"] >= hits[2]["score"]
    again = coldpress("index", "search/1", "corpus.jsonl", "index")
    assert (again.code, again.output) == (0, built.output)
    empty = coldpress("search-index", "elsewhere", "oila")
    assert empty.code == 2
    assert "elsewhere is no complete index" in empty.error


def test_report_and_card_describe_a_sentence_embedding_model(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    page = report_page(coldpress, "search/1")
    assert "nDCG@10" in page
    assert "Accuracy" not in page
    assert "binary, rescored by int8" in page
    card = coldpress("card", "search/1")
    assert "pipeline_tag: sentence-similarity" in card.output
    assert "A sentence embedding model of texts" in card.output
    assert "It returns a vector for each of them" in card.output
    assert "## Vectors in an index" in card.output


def test_a_second_version_is_compared_with_the_champion(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    """Its vectors have another length, but its rankings are those of the same documents."""
    assert outcome["gate"]["passed"]
    sentence = champion_sentence(coldpress, "search", "distill.student.dimension=20")
    assert sentence.startswith("Compared with the champion search/1, its nDCG@10")
    pull_champion(coldpress, "search")


def test_scored_pairs_judge_by_rank_correlation(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    changes = {
        "name": "pairs",
        "benchmark.judge": "{pairs: pairs.jsonl}",
        "evaluate.slices": "[]",
        "prune": "null",
        "distill.epochs": "1",
    }
    words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
    evaluation = coldpress.run_tiny(*words)["evaluation"]
    card = evaluation["models"]["onnx"]
    assert (evaluation["n"], card["metric"]) == (60, "spearman")
    assert card["scores"]["spearman"] > 0.2
    assert {group["kind"] for group in evaluation["equity"]} == {"target"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("teacher.epochs=1", "teacher.epochs: 1, but texts of kind sentence-embedding have no"),
        ("distill.student.dimension=33", "dimension: 33, but the teacher's vectors have 32"),
        ("gate.max_calibration_error=0.1", "gate.max_calibration_error: not possible with"),
        ("benchmark.judge.pairs=pairs.jsonl", "needs either corpus, queries and qrels, or pairs"),
        ("benchmark.judge.qrels=corpus.jsonl", "corpus.jsonl is not a .tsv file"),
        ("benchmark.columns.text_pair=topic", "benchmark.columns.text_pair: unknown key"),
        ("benchmark.source.test=train.jsonl", "benchmark.source.test: not possible with a judge"),
    ],
)
def test_a_wrong_recipe_ends_with_one_line(coldpress: Coldpress, change: str, message: str) -> None:
    result = coldpress("check", "./tiny.yaml", "--set", change)
    assert result.code == 2
    assert len(result.error.strip().splitlines()) == 1
    assert message in result.error
