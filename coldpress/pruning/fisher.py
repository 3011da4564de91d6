"""Post-training pruning (Kwon et al. 2022, "A Fast Post-Training Pruning Framework ...")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.section import Section

if TYPE_CHECKING:
    from coldpress.model import Classifier
    from coldpress.pruning.method import Evidence


class Fisher(Section):
    """Remove heads and neurons together to fit a budget; no retraining is needed."""

    size_neutral: ClassVar[bool] = False

    method: Literal["fisher"]
    keep_macs: Annotated[
        float,
        Field(ge=0.0, le=1.0, description="Share of the layers' multiply-accumulates that stays."),
    ]
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 0

    def prune(self, classifier: Classifier, evidence: Evidence) -> Classifier:
        """Search, rearrange and tune the mask, as in section 4 of the paper.

        Args:
            classifier: The source, left as it is.
            evidence: Rows to judge by, and a loss that is a mean over them.

        Returns:
            A classifier within the budget, at least one head and one neuron in each layer. What
            stays is rescaled.
        """
        from coldpress import surgery
        from coldpress.pruning import importance, mask_search, mask_tuning
        from coldpress.pruning.mask_rearrangement import rearranged

        sample = evidence.sample
        heads = importance.head_gradients(classifier, sample, evidence.loss)
        neurons = importance.neuron_gradients(classifier, sample, evidence.loss)
        costs = mask_search.costs(classifier, sample)
        found = mask_search.search(heads, neurons, costs, self.keep_macs)
        if found.is_whole(classifier.shapes):
            return classifier.copy()
        pruned = surgery.keep_heads(classifier, rearranged(found.heads, heads))
        pruned = surgery.keep_neurons(pruned, rearranged(found.neurons, neurons))
        mask_tuning.tune(pruned, classifier, sample)
        return pruned
