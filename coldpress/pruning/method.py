"""What a pruning method must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from coldpress.encoding import Encoded
    from coldpress.model import Classifier
    from coldpress.training import Loss


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

    def prune(self, classifier: Classifier, sample: Encoded, loss: Loss) -> Classifier:
        """Return a pruned classifier and leave the source as it is.

        Args:
            classifier: The source.
            sample: Rows to judge importance on.
            loss: What the model is trained for; its rows are the sample's.
        """
