"""Structured pruning by learnt gates (Xia, Zhong & Chen 2022, CoFi)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import PruningContext


class L0(Section):
    """Learn which layers, heads, neurons and hidden dimensions stay while the model is trained."""

    size_neutral: ClassVar[bool] = False

    method: Literal["l0"]
    keep_parameters: Annotated[
        float, Field(ge=0.0, le=1.0, description="Share of the layers' matrices that stays.")
    ]
    gate_epochs: Annotated[
        int, Field(ge=1, le=1000, description="Training in which gates close, before recovery.")
    ] = 6
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 2

    def prune(self, classifier: Classifier, evidence: PruningContext) -> Classifier:
        """Train model and gates together, then remove what the gates have closed.

        Args:
            classifier: The source, left as it is; it is also the teacher of its layers.
            evidence: Trains the model.

        Returns:
            A trained classifier, at least one head and one neuron in each layer that is left;
            nothing is trained if all is kept.
        """
        from coldpress.pruning.cofi.training import train_and_prune

        if self.keep_parameters == 1:
            return classifier.copy()
        return train_and_prune(classifier, self.keep_parameters, self.gate_epochs, evidence.train)
