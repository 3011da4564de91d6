"""Movement pruning (Sanh, Wolf & Rush 2020)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext


class Movement(MethodSection):
    """Zero weights that training moves towards zero. The model gets neither smaller nor faster."""

    trains: ClassVar[bool] = True
    size_neutral: ClassVar[bool] = True

    method: Literal["movement"]
    sparsity: Annotated[float, Field(ge=0.0, le=0.99, description="Share of weights to zero.")]
    growth_epochs: Annotated[
        int,
        Field(ge=1, le=100, description="Epochs in which weights are scored and sparsity grows."),
    ] = 3
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Train under a mask that follows the weights' movement.

        Args:
            classifier: The source; not changed.
            context: Trains the model.

        Returns:
            A trained classifier of the same shapes. With a sparsity of 0, nothing is trained.
        """
        from coldpress.pruning.movement.scores import prune_by_movement

        if not self.sparsity:
            return classifier.copy()
        return prune_by_movement(classifier, self.sparsity, self.growth_epochs, context.train)
