"""Training curves in MLflow: one value per epoch."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from mlflow.entities import Metric

from coldpress.schema.finite import check_all_finite
from tasks.tracking.runs import client

if TYPE_CHECKING:
    from coldpress.training.loop import Epoch


def log_curve(run_id: str, name: str, values: Sequence[float]) -> None:
    """Record one value per epoch; epochs count from 1."""
    check_all_finite(values, name)
    now = int(time.time() * 1000)
    points = [Metric(name, float(value), now, i) for i, value in enumerate(values, 1)]
    for start in range(0, len(points), 1000):
        client().log_batch(run_id, metrics=points[start : start + 1000])


def log_epochs(run_id: str, curves: Mapping[str, Sequence[Epoch]], metric: str) -> None:
    """Record training curves: loss, validation score and seconds of each epoch.

    Args:
        run_id: The stage's run.
        curves: Epochs by the name of the curve.
        metric: Name of the validation score, as in `accuracy`.
    """
    for name, epochs in curves.items():
        prefix = f"{name}_" if name else ""
        log_curve(run_id, f"{prefix}epoch_loss", [e.loss for e in epochs])
        log_curve(run_id, f"{prefix}epoch_{metric}", [e.validation_score for e in epochs])
        log_curve(run_id, f"{prefix}epoch_seconds", [e.seconds for e in epochs])
