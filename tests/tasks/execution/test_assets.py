"""Prefect is told which registered model a stage made, and from which ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from prefect.context import TaskRunContext

from tasks.execution import assets
from tasks.tracking import runs
from tasks.tracking.results import StageResult

TEACHER = StageResult(stage="train_teacher", status="ran", registered="trec-teacher/2")
TARGETS = StageResult(stage="generate_soft_targets", status="ran", model_uri="runs:/1/targets")
STUDENT = StageResult(
    stage="distill_student", status="ran", registered="trec-student/5", digest="abc"
)


class InTask:
    """The context of a task, which a test does not start."""

    @classmethod
    def get(cls) -> object:
        return cls


@pytest.fixture
def emitted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Events that Prefect is asked to send from inside a task."""
    events: list[dict[str, Any]] = []
    monkeypatch.setattr(assets, "TaskRunContext", InTask)
    monkeypatch.setattr(assets, "emit_event", lambda **event: events.append(event))
    return events


def test_a_made_model_is_an_asset_with_the_models_that_it_was_made_from(
    emitted: list[dict[str, Any]],
) -> None:
    assets.report_model(STUDENT, (TEACHER, TARGETS))
    referenced, made = emitted
    teacher = "mlflow://models/trec-teacher"
    assert referenced["event"] == "prefect.asset.referenced"
    assert referenced["resource"] == {"prefect.resource.id": teacher}
    assert made["event"] == "prefect.asset.materialization.succeeded"
    assert made["resource"] == {
        "prefect.resource.id": "mlflow://models/trec-student",
        "prefect.resource.name": "trec-student",
    }
    assert made["related"] == [
        {"prefect.resource.id": teacher, "prefect.resource.role": "asset"},
        {"prefect.resource.id": "coldpress", "prefect.resource.role": "asset-materialized-by"},
    ]
    assert made["payload"] == {
        "version": "trec-student/5",
        "digest": "abc",
        "stage": "distill_student",
    }


def test_a_skipped_stage_stands_for_the_model_before_it(
    state: Path, emitted: list[dict[str, Any]]
) -> None:
    client = runs.client()
    model = client.create_logged_model(runs.ensure_experiment("trec"), name="trec-student")
    uri = f"models:/{model.model_id}"
    skipped = STUDENT.model_copy(update={"model_uri": uri}).skipped_as("prune")
    assert skipped.registered is None
    final = StageResult(stage="quantize", status="ran", registered="trec-quantized/1")
    assets.report_model(final, (skipped,))
    assert emitted[-1]["related"][0]["prefect.resource.id"] == "mlflow://models/trec-student"


@pytest.mark.parametrize("result", [STUDENT.model_copy(update={"status": "reused"}), TARGETS])
def test_nothing_is_emitted_without_a_new_model(
    result: StageResult, emitted: list[dict[str, Any]]
) -> None:
    assets.report_model(result, (TEACHER,))
    assert emitted == []


def test_nothing_is_emitted_outside_of_a_task(
    emitted: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise Prefect would start a server for the event."""
    monkeypatch.setattr(assets, "TaskRunContext", TaskRunContext)
    assets.report_model(STUDENT, (TEACHER,))
    assert emitted == []
