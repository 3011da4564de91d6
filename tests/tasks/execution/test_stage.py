"""A stage's result is kept only if every number of it can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coldpress.errors import DivergedError, InputError, NonFiniteError
from coldpress.training.loop import silent
from tasks.execution.stage import Make, Order, Work, _finite


@pytest.fixture
def work(tmp_path: Path) -> Work:
    recipe: Any = None
    return Work(Order("prune", "tasks.prune", recipe, None), tmp_path, [], "none", silent)


def raising(error: Exception) -> Make:
    def make(work: Work) -> dict[str, float]:
        raise error

    return make


def measuring(accuracy: float) -> Make:
    def make(work: Work) -> dict[str, float]:
        return {"rows": 3.0, "accuracy": accuracy}

    return make


def test_a_metric_that_is_not_finite_fails_its_stage(work: Work) -> None:
    with pytest.raises(NonFiniteError, match=r"^prune: accuracy is nan$"):
        _finite("prune", measuring(float("nan")), work)


def test_a_tensor_that_is_not_finite_fails_its_stage(work: Work) -> None:
    with pytest.raises(NonFiniteError, match=r"^quantize: scale: 1 of 3 values are not finite$"):
        _finite("quantize", raising(NonFiniteError("scale: 1 of 3 values are not finite")), work)


def test_training_that_diverged_is_wrong_input(work: Work) -> None:
    """The settings are the user's: one line, and no traceback."""
    with pytest.raises(InputError, match=r"^prune: training diverged: the loss is nan$"):
        _finite("prune", raising(DivergedError("training diverged: the loss is nan")), work)


def test_finite_metrics_are_handed_on(work: Work) -> None:
    assert _finite("prune", measuring(0.5), work) == {"rows": 3.0, "accuracy": 0.5}
