"""A stage's result is kept only if every number of it can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coldpress.errors import DivergedError, InputError, NonFiniteError
from coldpress.training.loop import no_progress
from tasks.execution.stage import StageBody, StageContext, StageSpec, _run_body


@pytest.fixture
def work(tmp_path: Path) -> StageContext:
    recipe: Any = None
    return StageContext(
        StageSpec("prune", "tasks.prune", recipe, None), tmp_path, [], "none", no_progress
    )


def raising(error: Exception) -> StageBody:
    def make(work: StageContext) -> dict[str, float]:
        raise error

    return make


def measuring(accuracy: float) -> StageBody:
    def make(work: StageContext) -> dict[str, float]:
        return {"rows": 3.0, "accuracy": accuracy}

    return make


def test_a_metric_that_is_not_finite_fails_its_stage(work: StageContext) -> None:
    with pytest.raises(NonFiniteError, match=r"^prune: accuracy is nan$"):
        _run_body("prune", measuring(float("nan")), work)


def test_a_tensor_that_is_not_finite_fails_its_stage(work: StageContext) -> None:
    with pytest.raises(NonFiniteError, match=r"^quantize: scale: 1 of 3 values are not finite$"):
        _run_body("quantize", raising(NonFiniteError("scale: 1 of 3 values are not finite")), work)


def test_training_that_diverged_is_wrong_input(work: StageContext) -> None:
    """The settings are the user's: one line, and no traceback."""
    with pytest.raises(InputError, match=r"^prune: training diverged: the loss is nan$"):
        _run_body("prune", raising(DivergedError("training diverged: the loss is nan")), work)


def test_finite_metrics_are_handed_on(work: StageContext) -> None:
    assert _run_body("prune", measuring(0.5), work) == {"rows": 3.0, "accuracy": 0.5}
