"""Layer dropping (Sajjad et al. 2023, "On the effect of dropping layers ...")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.context import PruningContext


class Layers(MethodSection):
    """Remove whole encoder layers."""

    size_neutral: ClassVar[bool] = False

    method: Literal["layers"]
    keep_layers: Annotated[int, Field(ge=1, le=128, description="Number of layers to keep.")]
    drop: Annotated[
        Literal["top", "bottom", "alternate", "importance"],
        Field(
            description="Drop layers near the output or the input, alternating, or least important."
        ),
    ] = "top"
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    def prune(self, classifier: Classifier, context: PruningContext) -> Classifier:
        """Choose layers and remove them.

        Args:
            classifier: The source; not changed.
            context: Its sample measures importance; the other choices need no data.

        Returns:
            A classifier with at most this many layers.
        """
        from coldpress.model.surgery import keep_layers

        return keep_layers(classifier, self._select_layers(classifier, context))

    def _select_layers(self, classifier: Classifier, context: PruningContext) -> list[int]:
        layers = len(classifier.layers)
        count = min(self.keep_layers, layers)
        if count == layers:
            return list(range(layers))
        if self.drop == "importance":
            from coldpress.pruning.importance import layer_importance

            sample = context.sample
            importance = layer_importance(classifier, sample.train, sample.loss)
            return importance.argsort(descending=True, stable=True)[:count].tolist()
        return {
            "top": list(range(count)),
            "bottom": list(range(layers - count, layers)),
            # As `every-other` takes the layers of a student: the lowest one always stays.
            "alternate": [i * layers // count for i in range(count)],
        }[self.drop]
