"""A stage reuses intact results, and fails if its result has a number that is not finite."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coldpress.errors import DivergedError, InputError, NonFiniteError
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.recipe.recipe import Recipe
from coldpress.training.step import no_progress
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage import StageBody, _find_cached, _run_body
from tasks.execution.stage_spec import StageContext, StageSpec
from tasks.tracking import artifacts, runs
from tasks.tracking.results import StageResult


@pytest.fixture
def context(tmp_path: Path) -> StageContext:
    recipe: Any = None
    spec = StageSpec(PipelineRun(recipe, "none", "none", {}), "prune", None)
    return StageContext(spec, tmp_path, [], "none", no_progress)


def raising(error: Exception) -> StageBody:
    def body(context: StageContext) -> dict[str, float]:
        raise error

    return body


def measuring(accuracy: float) -> StageBody:
    def body(context: StageContext) -> dict[str, float]:
        return {"rows": 3.0, "accuracy": accuracy}

    return body


def test_a_metric_that_is_not_finite_fails_its_stage(context: StageContext) -> None:
    with pytest.raises(NonFiniteError, match=r"^prune: accuracy is nan$"):
        _run_body("prune", measuring(float("nan")), context)


def test_a_tensor_that_is_not_finite_fails_its_stage(context: StageContext) -> None:
    with pytest.raises(NonFiniteError, match=r"^quantize: scale: 1 of 3 values are not finite$"):
        _run_body(
            "quantize", raising(NonFiniteError("scale: 1 of 3 values are not finite")), context
        )


def test_diverged_training_is_an_input_error(context: StageContext) -> None:
    """The user's settings cause it, so it is an input error."""
    with pytest.raises(InputError, match=r"^prune: training diverged: the loss is nan$"):
        _run_body("prune", raising(DivergedError("training diverged: the loss is nan")), context)


def test_finite_metrics_are_returned(context: StageContext) -> None:
    assert _run_body("prune", measuring(0.5), context) == {"rows": 3.0, "accuracy": 0.5}


@pytest.fixture
def cached(state: Path, tmp_path: Path) -> tuple[StageSpec, Path]:
    """A stage with an earlier result, and the files of the result."""
    sections = {
        "benchmark": {"kind": "text-classification", "source": {"origin": "synthetic"}},
        "teacher": {"model": {"origin": "scratch"}},
    }
    recipe = Recipe.model_validate({"name": "tiny", **sections})
    experiment_id = runs.ensure_experiment("tiny")
    spec = StageSpec(PipelineRun(recipe, "none", experiment_id, {}), "generate_soft_targets", None)
    with new_checkpoint(tmp_path / "made", Manifest(stage=spec.stage)) as folder:
        (folder / "logits.txt").write_text("0.5")
    run_id = runs.open_run(experiment_id, spec.stage, {"stage": spec.stage, "key": spec.key})
    uri = artifacts.log_checkpoint(run_id, tmp_path / "made", spec.stage)
    digest = Checkpoint.open(tmp_path / "made").digest
    result = StageResult(stage=spec.stage, status="ran", model_uri=uri, digest=digest)
    runs.write_result(run_id, result)
    runs.client().set_terminated(run_id)
    return spec, state / "artifacts" / "tiny" / run_id / "artifacts" / spec.stage


def test_a_result_is_reused_even_if_another_run_computes_it_again(
    cached: tuple[StageSpec, Path],
) -> None:
    spec, _ = cached
    runs.open_run(spec.run.experiment_id, spec.stage, {"stage": spec.stage, "key": spec.key})
    found = _find_cached(spec)
    assert found is not None
    assert found.stage == "generate_soft_targets"


def test_a_result_with_altered_files_is_not_reused(cached: tuple[StageSpec, Path]) -> None:
    spec, files = cached
    (files / "logits.txt").write_text("0.6")
    assert _find_cached(spec) is None


def test_a_result_that_the_stage_refuses_is_not_reused(cached: tuple[StageSpec, Path]) -> None:
    spec, _ = cached
    assert _find_cached(replace(spec, may_reuse=lambda _: False)) is None
