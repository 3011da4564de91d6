"""Training for a pruning method's evidence."""

from __future__ import annotations

from collections.abc import Callable

from coldpress.data.encoding import Encoded
from coldpress.model.activations import Comparison
from coldpress.model.classifier import Classifier
from coldpress.pruning.method import Train
from coldpress.schema.section import Optimization
from coldpress.training.loop import Loss, Progress, passes


def training_on(rows: Encoded, loss: Loss) -> Train:
    """Four rows a step, at a rate at which tiny models move."""

    def train(
        classifier: Classifier,
        epochs: int,
        told: Progress,
        adapted: Callable[[Loss], Loss | Comparison] | None = None,
    ) -> None:
        plan = Optimization(epochs=epochs, learning_rate=0.01, batch_size=4)
        minimised = loss if adapted is None else adapted(loss)
        for _ in passes(classifier, rows, minimised, plan, rows, told):
            pass

    return train


def watched(train: Train, look: Callable[[Classifier], float]) -> tuple[Train, list[float]]:
    """Train as before, and note what a look at the classifier shows after each step."""
    seen: list[float] = []

    def watching(
        classifier: Classifier,
        epochs: int,
        told: Progress,
        adapted: Callable[[Loss], Loss | Comparison] | None = None,
    ) -> None:
        def tell(done: int, total: int, loss: float) -> None:
            told(done, total, loss)
            seen.append(look(classifier))

        train(classifier, epochs, tell, adapted)

    return watching, seen
