"""A student reads texts and translations with a vocabulary of its own, through the whole chain."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.command import Coldpress, new_home
from tests.support.kind_runs import champion_sentence, pull_champion, report_page

pytestmark = pytest.mark.xdist_group("bitext")

RECIPE = """
name: bitext
benchmark:
  kind: sentence-embedding
  source: {origin: synthetic, train_examples: 300, test_examples: 60}
  columns: {translations: [first, second]}
  max_tokens: 32
teacher:
  model: {origin: scratch, layers: 2, hidden_size: 32, heads: 4, neurons: 64, vocabulary_size: 500}
  epochs: 0
distill:
  method: logits
  student: {layers: 1, vocabulary: 800}
  epochs: 8
  learning_rate: 4.0e-3
  freeze_embeddings: false
prune: [{method: neurons, keep_neurons: 0.5}, {method: vocabulary}]
quantize: {method: dynamic-int8}
evaluate: {latency: {rounds: 60}}
gate: {max_drop: 1.0, max_champion_drop: 1.0, max_class_drop: 1.0}
"""


@pytest.fixture(scope="module")
def coldpress(
    tmp_path_factory: pytest.TempPathFactory, shared_server: Mapping[str, str]
) -> Coldpress:
    return new_home(tmp_path_factory.mktemp("bitext"), RECIPE, shared_server)


@pytest.fixture(scope="module")
def outcome(coldpress: Coldpress) -> dict[str, Any]:
    return coldpress.run_tiny()


def test_the_student_finds_translations_that_its_teacher_cannot_read(
    outcome: dict[str, Any],
) -> None:
    assert [stage["status"] for stage in outcome["stages"]] == ["ran"] * 7
    evaluation = outcome["evaluation"]
    assert evaluation["kind"] == "sentence-embedding-bitext"
    teacher, onnx = (evaluation["models"][name] for name in ("teacher", "onnx"))
    assert onnx["metric"] == "rank1"
    assert set(onnx["scores"]) == {"rank1", "rank1_to_translation", "rank1_to_source"}
    assert teacher["scores"]["rank1"] < 0.15
    assert onnx["scores"]["rank1"] > 2 * teacher["scores"]["rank1"]


def test_groups_are_directions_and_samples_are_source_texts(outcome: dict[str, Any]) -> None:
    names = [group["name"] for group in outcome["evaluation"]["equity"]]
    assert names == [
        "source to translation 1",
        "translation 1 to source",
        "source to translation 2",
        "translation 2 to source",
    ]
    checks = {check["name"]: check["sentence"] for check in outcome["gate"]["checks"]}
    assert "rank-1 accuracy is better" in checks["max_drop"]
    assert "n = 60 source texts" in checks["max_drop"]


def test_commands_read_the_students_tokenizer(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    result = coldpress("predict", "bitext/1", "zuviaa kamoaa")
    assert result.code == 0, result.error
    assert len(json.loads(result.output)["vector"]) == 32
    (coldpress.home / "corpus.jsonl").write_text(
        '{"_id": "a", "text": "zuviaa"}\n{"_id": "b", "text": "my card is lost"}\n'
    )
    assert coldpress("index", "bitext/1", "corpus.jsonl", "index").code == 0
    hit = json.loads(coldpress("search-index", "index", "zuviaa", "--top", "1").output)
    assert (hit["_id"], hit["text"]) == ("a", "zuviaa")
    assert "rank-1 accuracy" in report_page(coldpress, "bitext/1").lower()
    assert "pipeline_tag: sentence-similarity" in coldpress("card", "bitext/1").output


def test_a_second_version_is_compared_with_the_champion_on_the_same_pairs(
    coldpress: Coldpress, outcome: dict[str, Any]
) -> None:
    assert outcome["gate"]["passed"]
    sentence = champion_sentence(coldpress, "bitext", "distill.student.vocabulary=700")
    assert sentence.startswith("Compared with the champion bitext/1, its rank-1 accuracy")
    pull_champion(coldpress, "bitext")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("distill.freeze_embeddings=true", "distill.freeze_embeddings: must be false with"),
        (
            "distill={method: distilbert, student: {layers: 1, vocabulary: 800}}",
            "distill.method: with distill.student.vocabulary only",
        ),
        ("soft_targets.augment={copies: 1}", "soft_targets.augment: not possible with"),
        ("distill.student.vocabulary=99", "distill.student.vocabulary: "),
        ("benchmark.columns.translations=[]", "benchmark.columns.translations"),
    ],
)
def test_a_wrong_recipe_ends_with_one_line(coldpress: Coldpress, change: str, message: str) -> None:
    result = coldpress("check", "./tiny.yaml", "--set", change)
    assert result.code == 2
    assert len(result.error.strip().splitlines()) == 1
    assert message in result.error
