"""`coldpress report`, `card`, `lineage` and the card of a pulled folder, after a real run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard, ModelCardData

from tests.support.command import Coldpress, new_home

pytestmark = pytest.mark.xdist_group("tiny-run")


def test_the_report_lands_in_the_working_directory(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    result = coldpress("report", "tiny/1")
    path = coldpress.home / "tiny-1.html"
    assert (result.code, result.output) == (0, f"{path}\n")
    html = path.read_text()
    assert "<h1>tiny <span>version 1</span></h1>" in html
    for digest in (stage["digest"] for stage in tiny_run["stages"] if stage["registered"]):
        assert digest[:12] in html
    assert "keep_neurons: 0.5" in html
    # It may be sent to anyone.
    assert str(coldpress.home) not in html


def test_the_report_is_written_to_the_given_path(
    coldpress: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    target = tmp_path / "told.html"
    assert coldpress("report", "tiny", "--out", str(target)).output == f"{target}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["told.html"]


def test_the_card_has_the_measurements(coldpress: Coldpress, tiny_run: dict[str, Any]) -> None:
    result = coldpress("card", "tiny/1")
    data = ModelCard(result.output).data
    assert isinstance(data, ModelCardData)
    final = tiny_run["evaluation"]["models"]["onnx"]
    metrics = {entry.metric_type: entry.metric_value for entry in data.eval_results or ()}
    assert metrics["accuracy"] == pytest.approx(final["accuracy"], abs=1e-6)
    assert metrics["f1"] == pytest.approx(final["macro_f1"], abs=1e-6)
    assert str(coldpress.home) not in result.output


def test_a_pulled_folder_contains_the_card(
    coldpress: Coldpress, tiny_run: dict[str, Any], tmp_path: Path
) -> None:
    assert coldpress("pull", "tiny/1", str(tmp_path / "model")).code == 0
    card = tmp_path / "card.md"
    assert coldpress("card", "tiny/1", "--out", str(card)).output == f"{card}\n"
    read = (tmp_path / "model" / "README.md").read_text()
    assert read.rstrip() == card.read_text().rstrip()
    assert read.startswith("---\nlibrary_name: onnxruntime\n")


def test_the_lineage_has_digest_metrics_seconds_and_run_of_each_model(
    coldpress: Coldpress, tiny_run: dict[str, Any]
) -> None:
    node = json.loads(coldpress("lineage", "tiny/1", "--json").output)
    depth = 0
    stages = {stage["registered"]: stage for stage in tiny_run["stages"]}
    while node["parents"]:
        stage = stages[node["name"]]
        assert (node["digest"], node["metrics"]) == (stage["digest"], stage["metrics"])
        assert node["seconds"] > 0
        assert node["run"].startswith("run ")
        node = node["parents"][0]
        depth += 1
    assert depth == 5
    assert (node["stage"], node["name"]) == ("dataset", "tiny")
    assert tiny_run["mlflow"]["parent_run_id"] in node["run"]


def test_no_line_of_the_lineage_is_broken(coldpress: Coldpress, tiny_run: dict[str, Any]) -> None:
    lines = coldpress("lineage", "tiny/1", also={"COLUMNS": "20"}).output.splitlines()
    head = next(line for line in lines if "tiny-student/1" in line)
    assert "distill_student" in head
    assert head.endswith(" s")


@pytest.mark.parametrize(
    "words",
    [("lineage", "demo"), ("predict", "demo", "text"), ("promote", "demo/1", "--reason", "x")],
)
def test_reading_an_empty_home_creates_no_file(tmp_path: Path, words: tuple[str, ...]) -> None:
    coldpress = new_home(tmp_path / "new")
    result = coldpress(*words)
    assert result.code == 2
    assert "has no models yet" in result.error
    assert [path.name for path in coldpress.home.iterdir()] == ["tiny.yaml"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("report", "tiny-student"), "tiny-student/1, of distill_student, has no report.html"),
        (("card", "tiny@nobody"), "tiny@nobody"),
        (("report", "tiny", "--out", "absent/report.html"), "--out"),
        (("card", "tiny", "--out", "."), "--out"),
        (("pull", "tiny", "tiny.yaml/below"), "DIR"),
        (("pull", "tiny", "x" * 300), "DIR"),
        (("rollback", "tiny/1", "--reason", "x"), "a name alone"),
    ],
)
def test_an_unreadable_model_is_named_in_one_line(
    coldpress: Coldpress, tiny_run: dict[str, Any], words: tuple[str, ...], message: str
) -> None:
    result = coldpress(*words)
    assert result.code == 2
    assert len(result.error.splitlines()) == 1, result.error
    assert message in result.error
