"""Post-training pruning (Kwon et al. 2022, "A Fast Post-Training Pruning Framework ...")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from coldpress.method import MethodSection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext
    from coldpress.pruning.fisher.mask_search import KeptUnits


class Fisher(MethodSection):
    """Remove heads and neurons together to fit a budget; no retraining is needed."""

    size_neutral: ClassVar[bool] = False

    method: Literal["fisher"]
    keep_macs: Annotated[
        float | None,
        Field(
            ge=0.0,
            le=1.0,
            description="Share of the layers' MACs to keep; none with keep_latency.",
        ),
    ] = None
    keep_latency: Annotated[
        float | None,
        Field(
            ge=0.05,
            le=1.0,
            description="Share of the latency to keep, as measured on this machine.",
        ),
    ] = None
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 0

    @model_validator(mode="after")
    def _check_budget(self) -> Self:
        if (self.keep_macs is None) == (self.keep_latency is None):
            raise ValueError("one of keep_macs and keep_latency must be given, not both")
        return self

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Search, rearrange and tune the mask, as in section 4 of the paper.

        Args:
            classifier: The source; not changed.
            context: Its sample is used; the loss is a mean over the rows.

        Returns:
            A classifier within the budget, with at least one head and one neuron in each layer.
            Its units are rescaled.
        """
        from coldpress.model import surgery
        from coldpress.pruning import importance
        from coldpress.pruning.fisher import mask_tuning
        from coldpress.pruning.fisher.mask_rearrangement import rearrange

        sample, loss = context.sample.train, context.sample.loss
        heads = importance.head_gradients(classifier, sample, loss)
        neurons = importance.neuron_gradients(classifier, sample, loss)
        kept_units = self._search(classifier, context, heads, neurons)
        if kept_units.includes_all(classifier.shapes):
            return classifier.copy()
        pruned = surgery.keep_heads(classifier, rearrange(kept_units.heads, heads))
        pruned = surgery.keep_neurons(pruned, rearrange(kept_units.neurons, neurons))
        mask_tuning.tune_masks(pruned, classifier, sample)
        return pruned

    def _search(
        self,
        classifier: Classifier,
        context: PruningContext,
        heads: Sequence[Tensor],
        neurons: Sequence[Tensor],
    ) -> KeptUnits:
        from coldpress.pruning.fisher import latency_search, mask_search

        if self.keep_macs is not None:
            costs = mask_search.compute_unit_costs(classifier, context.sample.train)
            return mask_search.search_by_macs(heads, neurons, costs, self.keep_macs)
        if self.keep_latency is None or context.time_layers is None:
            raise ValueError("keep_latency: layers cannot be timed here")
        table = context.time_layers(classifier, context.sample.train)
        return latency_search.search_by_latency(heads, neurons, table, self.keep_latency)
