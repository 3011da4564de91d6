"""Which run's report is a version's report."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.entities.model_registry import ModelVersion, ModelVersionTag

from coldpress.errors import InputError
from tasks import published, tracking

_STAGE = ModelVersionTag("stage", "export_onnx")  # type: ignore[no-untyped-call]


def _judge(recipe: str, registered: str, text: str, directory: Path) -> None:
    """A chain's run that ended with a report."""
    run_id = tracking.open_run(tracking.experiment(recipe), recipe, {})
    (directory / published.REPORT).write_text(text)
    tracking.log_file(run_id, directory / published.REPORT)
    tracking.tag(run_id, {published.TAG: registered})


def _version(name: str, number: str) -> ModelVersion:
    return ModelVersion(name, number, 0, tags=[_STAGE])


def test_a_version_has_the_report_of_the_run_that_judged_it_last(
    state: Path, tmp_path: Path
) -> None:
    _judge("trec", "trec/1", "first", tmp_path)
    _judge("trec", "trec/1", "judged again", tmp_path)
    _judge("trec", "trec/11", "another version", tmp_path)
    assert published.read(_version("trec", "1"), published.REPORT) == "judged again"
    assert published.find(_version("trec", "2"), published.REPORT) is None


def test_a_version_that_no_run_judged_has_none(state: Path) -> None:
    tracking.experiment("trec")
    with pytest.raises(InputError, match=r"trec/3, of export_onnx, has no card\.md"):
        published.read(_version("trec", "3"), published.CARD)


def test_a_report_whose_file_was_deleted_is_none(state: Path, tmp_path: Path) -> None:
    _judge("trec", "trec/1", "first", tmp_path)
    (file,) = (state / "artifacts").rglob(published.REPORT)
    file.unlink()
    with pytest.raises(InputError, match=r"trec/1.* it goes when that run is deleted in MLflow"):
        published.read(_version("trec", "1"), published.REPORT)
