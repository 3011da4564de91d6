"""A stage fails if its result has a number that is not finite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coldpress.errors import DivergedError, InputError, NonFiniteError
from coldpress.training.loop import no_progress
from tasks.execution.pipeline_run import PipelineRun
from tasks.execution.stage import StageBody, _run_body
from tasks.execution.stage_spec import StageContext, StageSpec


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
