"""What a pruning method must offer, and what it is given."""

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
    """Training on all rows, for a method that prunes while the model learns."""

    def __call__(
        self,
        classifier: Classifier,
        epochs: int,
        told: ProgressCallback,
        adapted: Callable[[Loss], Loss | TeacherStudentLoss] | None = None,
    ) -> None:
        """Fit a classifier in place and leave it as the last epoch did.

        Args:
            classifier: Changed in place.
            epochs: Passes over the training rows.
            told: Told after each step, when the weights have moved.
            adapted: Makes what is minimised of the loss over all rows; that loss itself, if none.
        """


class LayerTimer(Protocol):
    """Measures how long layers take on this machine, for a method that is given a budget of it."""

    def __call__(self, classifier: Classifier, rows: EncodedSplit) -> LatencyTable:
        """Time layers of a classifier on a text of typical length.

        Args:
            classifier: Left as it is.
            rows: Their median length is typical.
        """


@dataclass(frozen=True)
class PruningContext:
    """What a method may judge by.

    Attributes:
        sample: Rows to judge importance on.
        loss: What the model is trained for; its rows are the sample's.
        texts: Every text that the model is trained or validated on, untokenized.
        train: Trains on all rows.
        time_layers: Measures this machine; None where nothing can.
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
        """Its name in the recipe."""

    @property
    def recovery_epochs(self) -> int:
        """How long to retrain after it."""

    @property
    def size_neutral(self) -> bool:
        """Whether it changes no shape, so that nothing becomes smaller or faster."""

    def prune(self, classifier: Classifier, evidence: PruningContext) -> Classifier:
        """Return a pruned classifier and leave the source as it is.

        Args:
            classifier: The source.
            evidence: What to judge by.
        """
