"""Training for a pruning method's evidence."""

from __future__ import annotations

from collections.abc import Callable

from coldpress.data.encoding import EncodedSplit
from coldpress.model.activations import TeacherStudentLoss
from coldpress.model.classifier import Classifier
from coldpress.pruning.method import TrainFunction
from coldpress.schema.section import Optimization
from coldpress.training.loop import Loss, ProgressCallback, train_epochs


def training_on(rows: EncodedSplit, loss: Loss) -> TrainFunction:
    """Four rows a step, at a rate at which tiny models move."""

    def train(
        classifier: Classifier,
        epochs: int,
        told: ProgressCallback,
        adapted: Callable[[Loss], Loss | TeacherStudentLoss] | None = None,
    ) -> None:
        plan = Optimization(epochs=epochs, learning_rate=0.01, batch_size=4)
        minimised = loss if adapted is None else adapted(loss)
        for _ in train_epochs(classifier, rows, minimised, plan, rows, told):
            pass

    return train


def watched(
    train: TrainFunction, look: Callable[[Classifier], float]
) -> tuple[TrainFunction, list[float]]:
    """Train as before, and note what a look at the classifier shows after each step."""
    seen: list[float] = []

    def watching(
        classifier: Classifier,
        epochs: int,
        told: ProgressCallback,
        adapted: Callable[[Loss], Loss | TeacherStudentLoss] | None = None,
    ) -> None:
        def tell(done: int, total: int, loss: float) -> None:
            told(done, total, loss)
            seen.append(look(classifier))

        train(classifier, epochs, tell, adapted)

    return watching, seen
