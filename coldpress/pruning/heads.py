"""Attention-head pruning by gradient importance (Michel et al. 2019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext


class Heads(MethodSection):
    """Remove the attention heads that the loss is least sensitive to."""

    size_neutral: ClassVar[bool] = False

    method: Literal["heads"]
    keep_heads: Annotated[float, Field(ge=0.0, le=1.0, description="Share of heads to keep.")]
    by: Annotated[
        Literal["importance", "random"],
        Field(description="How heads are ranked; random is a baseline for comparison."),
    ] = "importance"
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Rank the heads of all layers together and remove the lowest ones.

        Args:
            classifier: The source; not changed.
            context: Its sample, whose loss is a mean over the rows, measures importance.

        Returns:
            A classifier with this share of the heads, at least one in each layer.
        """
        from coldpress.model.surgery import keep_heads
        from coldpress.pruning.importance import head_importance, most_important, random_importance

        count = round(self.keep_heads * sum(shape.heads for shape in classifier.shapes))
        if self.by == "random":
            importance = random_importance([shape.heads for shape in classifier.shapes])
        else:
            importance = head_importance(classifier, context.sample.train, context.sample.loss)
        return keep_heads(classifier, most_important(importance, count))
