"""Interfaces of pruning methods and of what they call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from coldpress.method import Method

if TYPE_CHECKING:
    from collections.abc import Callable

    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.activations import TeacherStudentLoss
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext
    from coldpress.pruning.fisher.latency_search import LatencyTable
    from coldpress.training.step import Loss, ProgressCallback


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


class PruningMethod(Method, Protocol):
    """One step of a recipe's `prune` list."""

    @property
    def recovery_epochs(self) -> int:
        """Epochs of retraining after the step."""

    @property
    def size_neutral(self) -> bool:
        """True if weights are only zeroed: the model gets neither smaller nor faster.

        All later training of the recipe's steps then keeps zeros at zero.
        """

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Return a pruned copy of a classifier.

        Args:
            classifier: The source; not changed.
            context: Data, settings and callbacks.
        """
