"""Interface of pruning methods, and the context they work in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.activations import TeacherStudentLoss
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.fisher.latency_search import LatencyTable
    from coldpress.training.loop import Loss, ProgressCallback


class TrainFunction(Protocol):
    """Trains on all rows, for methods that prune during training."""

    def __call__(
        self,
        classifier: Classifier,
        epochs: int,
        progress: ProgressCallback,
        adapt_loss: Callable[[Loss], Loss | TeacherStudentLoss] | None = None,
    ) -> None:
        """Train a classifier in place and keep its last epoch.

        Args:
            classifier: Changed in place.
            epochs: Passes over the training rows.
            progress: Called after each step, when the weights have been updated.
            adapt_loss: Turns the loss over all rows into the one to minimise.
        """


class LayerTimer(Protocol):
    """Measures layers on this machine, for methods with a latency budget."""

    def __call__(self, classifier: Classifier, rows: EncodedSplit) -> LatencyTable:
        """Time the layers of a classifier on one text of typical length.

        Args:
            classifier: Not changed.
            rows: Their median length is used.
        """


@dataclass(frozen=True)
class PruningContext:
    """Data and callbacks for a pruning method.

    Attributes:
        sample: Rows to measure importance on.
        loss: The training loss, for row numbers of the sample.
        texts: All training and validation texts, not encoded.
        train: Trains on all rows.
        time_layers: Measures layers on this machine; None if that is not possible.
    """

    sample: EncodedSplit
    loss: Loss
    texts: tuple[str, ...]
    train: TrainFunction
    time_layers: LayerTimer | None = None


class PruningMethod(Protocol):
    """One step of a recipe's `prune` list."""

    @property
    def method(self) -> str:
        """Name of the method in recipes."""

    @property
    def recovery_epochs(self) -> int:
        """Epochs of retraining after the step."""

    @property
    def size_neutral(self) -> bool:
        """True if no shape changes, so that the model gets neither smaller nor faster."""

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Return a pruned copy of a classifier.

        Args:
            classifier: The source; not changed.
            context: Data and callbacks.
        """
