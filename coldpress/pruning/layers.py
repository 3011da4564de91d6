"""Layer dropping (Sajjad et al. 2023, "On the effect of dropping layers ...")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.pruning.method import PruningContext


class Layers(Section):
    """Remove whole encoder layers."""

    size_neutral: ClassVar[bool] = False

    method: Literal["layers"]
    keep_layers: Annotated[int, Field(ge=1, le=128, description="Layers that stay, at most.")]
    drop: Annotated[
        Literal["top", "bottom", "alternate", "importance"],
        Field(description="Near the output, near the input, spread, or whose loss is smallest."),
    ] = "top"
    recovery_epochs: Annotated[int, Field(ge=0, le=100, description="Retraining, in epochs.")] = 1

    def prune(self, classifier: Classifier, evidence: PruningContext) -> Classifier:
        """Choose layers and remove them.

        Args:
            classifier: The source, left as it is.
            evidence: Rows and a loss to judge importance by; the other choices need no data.

        Returns:
            A classifier with at most this many layers.
        """
        from coldpress.model.surgery import keep_layers

        return keep_layers(classifier, self._staying(classifier, evidence))

    def _staying(self, classifier: Classifier, evidence: PruningContext) -> list[int]:
        layers = len(classifier.layers)
        stay = min(self.keep_layers, layers)
        if stay == layers:
            return list(range(layers))
        if self.drop == "importance":
            from coldpress.pruning.importance import layer_importance

            importance = layer_importance(classifier, evidence.sample, evidence.loss)
            return importance.argsort(descending=True, stable=True)[:stay].tolist()
        return {
            "top": list(range(stay)),
            "bottom": list(range(layers - stay, layers)),
            # As every-other takes a student's layers: the lowest always stays.
            "alternate": [i * layers // stay for i in range(stay)],
        }[self.drop]
