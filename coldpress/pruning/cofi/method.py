"""Structured pruning by learned gates (Xia, Zhong & Chen 2022, CoFi)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext


class L0(MethodSection):
    """Learn during training which layers, heads, neurons and hidden dimensions to keep."""

    trains: ClassVar[bool] = True
    size_neutral: ClassVar[bool] = False

    method: Literal["l0"]
    keep_parameters: Annotated[
        float, Field(ge=0.0, le=1.0, description="Share of the layers' weights to keep.")
    ]
    gate_epochs: Annotated[
        int, Field(ge=1, le=1000, description="Epochs in which gates close, before retraining.")
    ] = 6
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 2

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Train model and gates together, then remove everything whose gate is closed.

        Args:
            classifier: The source; not changed. It is the teacher of the layer-wise distillation.
            context: Trains the model.

        Returns:
            A trained classifier with at least one head and one neuron in each remaining layer. If
            everything is kept, nothing is trained.
        """
        from coldpress.pruning.cofi.training import train_and_prune

        if self.keep_parameters == 1:
            return classifier.copy()
        return train_and_prune(classifier, self.keep_parameters, self.gate_epochs, context.train)
