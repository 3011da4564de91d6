"""Find the run whose report describes a version."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag

from coldpress.errors import InputError
from tasks.tracking import history, reports, runs
from tasks.tracking.results import StageResult

_STAGE = ModelVersionTag("stage", "export_onnx")  # type: ignore[no-untyped-call]


def _evaluate(recipe: str, registered: str, text: str, directory: Path, **tags: str) -> None:
    """Add a pipeline run with a report."""
    run_id = runs.open_run(runs.ensure_experiment(recipe), recipe, tags)
    (directory / reports.REPORT).write_text(text)
    runs.log_file(run_id, directory / reports.REPORT)
    runs.set_tags(run_id, {reports.REPORT_TAG: registered})


def _version(name: str, number: str, digest: str = "d") -> ModelVersion:
    tag = ModelVersionTag("digest", digest)  # type: ignore[no-untyped-call]
    return ModelVersion(name, number, 0, tags=[_STAGE, tag])


def test_a_version_has_the_report_of_its_latest_evaluation(state: Path, tmp_path: Path) -> None:
    _evaluate("trec", "trec/1", "first", tmp_path)
    _evaluate("trec", "trec/1", "evaluated again", tmp_path)
    _evaluate("trec", "trec/11", "another version", tmp_path)
    assert reports.load_document(_version("trec", "1"), reports.REPORT) == "evaluated again"
    assert reports.find_document(_version("trec", "2"), reports.REPORT) is None


def test_a_version_that_no_run_evaluated_has_none(state: Path) -> None:
    runs.ensure_experiment("trec")
    with pytest.raises(InputError, match=r"trec/3, of export_onnx, has no card\.md"):
        reports.load_document(_version("trec", "3"), reports.CARD)


def test_a_report_whose_file_was_deleted_is_none(state: Path, tmp_path: Path) -> None:
    _evaluate("trec", "trec/1", "first", tmp_path)
    (file,) = (state / "artifacts").rglob(reports.REPORT)
    file.unlink()
    with pytest.raises(InputError, match=r"trec/1.* it is deleted with that run in MLflow"):
        reports.load_document(_version("trec", "1"), reports.REPORT)


def test_a_version_does_not_inherit_the_report_of_a_deleted_one(
    state: Path, tmp_path: Path
) -> None:
    _evaluate("trec", "trec/1", "of the first model", tmp_path, report_digest="first")
    assert reports.find_document(_version("trec", "1", "second"), reports.REPORT) is None
    _evaluate("trec", "trec/1", "of the second", tmp_path, report_digest="second")
    assert (
        reports.find_document(_version("trec", "1", "first"), reports.REPORT)
        == "of the first model"
    )


def test_an_older_run_is_matched_by_the_digests_of_its_stages(state: Path, tmp_path: Path) -> None:
    _evaluate("trec", "trec/1", "of the first model", tmp_path, flow_run_id="flow-1")
    stage = {"flow_run_id": "flow-1", "stage": "export_onnx"}
    run_id = runs.open_run(runs.ensure_experiment("trec"), "export_onnx", stage)
    result = StageResult(stage="export_onnx", status="ran", digest="first")
    runs.write_result(run_id, result)
    assert reports.find_document(_version("trec", "1", "second"), reports.REPORT) is None
    assert (
        reports.find_document(_version("trec", "1", "first"), reports.REPORT)
        == "of the first model"
    )


def test_a_model_keeps_its_report_when_it_is_renamed(state: Path, tmp_path: Path) -> None:
    _evaluate("trec", "trec/1", "of trec", tmp_path)
    (run,) = history.find_runs("")
    runs.set_tags(run.info.run_id, {"flow_run_id": "f", reports.REPORT_DIGEST_TAG: "d"})
    model_tags = {"stage": "export_onnx", "flow_run_id": "f", "digest": "d"}
    for name, tags, text in (
        ("small", model_tags, "of trec"),
        ("small", {**model_tags, "digest": "e"}, None),
        ("small-teacher", {**model_tags, "stage": "train_teacher"}, None),
    ):
        version_tags = [ModelVersionTag(key, value) for key, value in tags.items()]  # type: ignore[no-untyped-call]
        assert (
            reports.find_document(ModelVersion(name, "1", 0, tags=version_tags), reports.REPORT)
            == text
        )
