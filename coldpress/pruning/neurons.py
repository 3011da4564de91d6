"""Feed-forward neuron pruning by first-order importance (Molchanov et al. 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.method import MethodSection

MIN_LAYER_SHARE = 1 / 8
"""Each layer keeps this part of an even share: one with too few neurons cannot be retrained."""

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext


class Neurons(MethodSection):
    """Remove the feed-forward neurons that the loss is least sensitive to."""

    size_neutral: ClassVar[bool] = False

    method: Literal["neurons"]
    keep_neurons: Annotated[float, Field(ge=0.0, le=1.0, description="Share of neurons to keep.")]
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Rank the neurons of all layers together and remove the least important ones.

        Importance is on one scale for all layers, so layers may end with different numbers of
        neurons. The time of a forward pass depends only on their sum, round numbers or not.

        Args:
            classifier: The source; not changed.
            context: Its sample, whose loss is a mean over the rows, measures importance.

        Returns:
            A classifier with this share of the neurons, at least one in each layer.
        """
        from coldpress.model.surgery import keep_neurons
        from coldpress.pruning.importance import most_important, neuron_importance

        count = round(self.keep_neurons * sum(shape.neurons for shape in classifier.shapes))
        least = max(1, int(MIN_LAYER_SHARE * count / len(classifier.shapes)))
        sample = context.sample
        importance = neuron_importance(classifier, sample.train, sample.loss)
        return keep_neurons(classifier, most_important(importance, count, least))
