"""Reuse of earlier evaluations, depending on their timings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coldpress.gate import Gate
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.recipe.recipe import Recipe
from tasks.evaluate import may_reuse
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage import _find_cached
from tasks.execution.stage_spec import StageSpec
from tasks.tracking import artifacts, runs
from tasks.tracking.results import StageResult

QUIET = {"speedup": 20.0, "speedup_low": 19.0, "speedup_high": 21.0, "p95_ms": 1.0, "contention": 0}
BUSY = {**QUIET, "speedup_low": 8.0, "speedup_high": 26.0, "contention": 0.9}


def result(metrics: dict[str, Any]) -> StageResult:
    return StageResult(stage="evaluate", status="ran", metrics=metrics)


@pytest.mark.parametrize(
    ("metrics", "gate", "reused"),
    [
        (QUIET, Gate(min_speedup=25), True),
        (QUIET, Gate(max_p95_ms=0.5), True),
        (BUSY, None, True),
        (BUSY, Gate(), True),
        (BUSY, Gate(min_speedup=8, max_p95_ms=1), True),
        (BUSY, Gate(min_speedup=9), False),
        (BUSY, Gate(min_speedup=27), True),
        (BUSY, Gate(max_p95_ms=0.9), False),
        ({"speedup": 20.0}, Gate(min_speedup=30), True),
        ({"accuracy": 0.9}, None, False),
        ({"accuracy": 0.9, "contention": 1.0}, Gate(), False),
    ],
    ids=[
        "refused on a quiet machine",
        "slow on a quiet machine",
        "no gate",
        "no bound",
        "passed on a busy machine",
        "refused on a busy machine",
        "beyond the interval",
        "slow on a busy machine",
        "older than the interval",
        "undetermined",
        "undetermined without a bound",
    ],
)
def test_timings_under_contention_are_measured_again(
    metrics: dict[str, Any], gate: Gate | None, reused: bool
) -> None:
    assert may_reuse(result(metrics), gate) is reused


def test_without_a_model_of_the_teacher_there_is_no_speedup_to_measure() -> None:
    measured = result({"accuracy": 0.9, "p95_ms": 1.0, "contention": 0.9})
    assert may_reuse(measured, Gate(max_p95_ms=1), teacher_is_timed=False)
    assert not may_reuse(measured, Gate(max_p95_ms=0.9), teacher_is_timed=False)


@pytest.fixture
def spec(tmp_path: Path) -> StageSpec:
    """An evaluation of two rows."""
    file = tmp_path / "rows.jsonl"
    rows = [{"text": f"{label} text", "label": label} for label in ("cold", "warm") * 10]
    file.write_text("\n".join(map(json.dumps, rows)))
    source = {"origin": "files", "train": file, "test": file}
    recipe = Recipe.model_validate(
        {
            "name": "tiny",
            "benchmark": {"kind": "text-classification", "source": source},
            "teacher": {"model": {"origin": "scratch", "layers": 2}, "epochs": 1},
        }
    )
    return StageSpec(
        PipelineRun(recipe, "none", "none", {}),
        "evaluate",
        recipe.evaluate,
        may_reuse=lambda result: may_reuse(result, Gate(min_speedup=9)),
    )


def finish(spec: StageSpec, path: Path, metrics: Mapping[str, float]) -> str:
    """Record a finished evaluation, as a run does."""
    with new_checkpoint(path, Manifest(stage="evaluate")) as directory:
        (directory / "evaluation.json").write_text("{}")
    tags = {"stage": "evaluate", "key": spec.key}
    run_id = runs.open_run(runs.ensure_experiment("tiny"), "evaluate", tags)
    with runs.managed_run(run_id):
        uri = artifacts.log_checkpoint(run_id, path, "evaluate")
        finished = result(dict(metrics))
        fields = {"model_uri": uri, "digest": Checkpoint.open(path).digest, "run_id": run_id}
        runs.write_result(run_id, finished.model_copy(update=fields))
    return run_id


def test_the_latest_reusable_evaluation_is_reused(
    spec: StageSpec, state: Path, tmp_path: Path
) -> None:
    finish(spec, tmp_path / "one", {"accuracy": 0.9})
    assert _find_cached(spec) is None
    quiet = finish(spec, tmp_path / "two", QUIET)
    finish(spec, tmp_path / "three", BUSY)
    cached = _find_cached(spec)
    assert cached is not None
    assert cached.run_id == quiet
    latest = _find_cached(replace(spec, may_reuse=lambda _: True))
    assert latest is not None
    assert latest.metrics == BUSY
