"""Feed-forward neuron pruning by first-order importance (Molchanov et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.schema.section import Section

MIN_LAYER_SHARE = 1 / 8
"""No layer falls below this part of an even share: a layer without neurons cannot recover."""

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import PruningContext


class Neurons(Section):
    """Remove the feed-forward neurons that the loss is least sensitive to."""

    size_neutral: ClassVar[bool] = False

    method: Literal["neurons"]
    keep_neurons: Annotated[float, Field(ge=0.0, le=1.0, description="Share that stays.")]
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    def prune(self, classifier: Classifier, evidence: PruningContext) -> Classifier:
        """Rank the neurons of all layers together and remove the least important ones.

        Importance is on one scale for all layers, so that they may end at different widths; the
        time of a forward pass depends on their sum alone, whether or not widths are round numbers.

        Args:
            classifier: The source, left as it is.
            evidence: Rows to judge importance on, and a loss that is a mean over them.

        Returns:
            A classifier with this share of the neurons, at least one in each layer.
        """
        from coldpress.model.surgery import keep_neurons
        from coldpress.pruning.importance import most_important, neuron_importance

        stay = round(self.keep_neurons * sum(shape.neurons for shape in classifier.shapes))
        least = max(1, int(MIN_LAYER_SHARE * stay / len(classifier.shapes)))
        importance = neuron_importance(classifier, evidence.sample, evidence.loss)
        return keep_neurons(classifier, most_important(importance, stay, least))
