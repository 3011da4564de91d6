"""Training functions of pruning methods in tests."""

from __future__ import annotations

from collections.abc import Callable

from coldpress.model.activations import TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.pruning.method import TrainFunction
from coldpress.schema.section import Optimization
from coldpress.training.step import Loss, ProgressCallback

PLAN = Optimization(epochs=1, learning_rate=0.01, batch_size=4)
"""Four rows per step, at a high rate for tiny models."""


def record_steps(
    train: TrainFunction, measure: Callable[[Classifier], float]
) -> tuple[TrainFunction, list[float]]:
    """Wrap a training function so that it measures the classifier after each step."""
    values: list[float] = []

    def recording_train(
        classifier: Classifier,
        epochs: int,
        progress: ProgressCallback,
        adapt_loss: Callable[[Loss], Loss | TeacherStudentLoss] | None = None,
    ) -> None:
        def record(step: int, steps: int, loss: float) -> None:
            progress(step, steps, loss)
            values.append(measure(classifier))

        train(classifier, epochs, record, adapt_loss)

    return recording_train, values
