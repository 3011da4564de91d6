"""Unstructured magnitude pruning (Han et al. 2015; See et al. 2016)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.section import Section

if TYPE_CHECKING:
    from coldpress.encoding import Encoded
    from coldpress.model import Classifier
    from coldpress.training import Loss


class Magnitude(Section):
    """Zero the smallest weights. Changes no shape: neither smaller on disk nor faster."""

    size_neutral: ClassVar[bool] = True

    method: Literal["magnitude"]
    sparsity: Annotated[float, Field(ge=0.0, le=0.99, description="Share of weights zeroed.")]
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    def prune(self, classifier: Classifier, sample: Encoded, loss: Loss) -> Classifier:  # noqa: ARG002
        """Zero this share of the encoder's linear weights; no data is needed to choose them.

        Args:
            classifier: The source, left as it is.
            sample: Unused.
            loss: Unused.

        Returns:
            A classifier of the same shapes.
        """
        from coldpress.pruning.sparsity import zero_smallest

        return zero_smallest(classifier, self.sparsity)
