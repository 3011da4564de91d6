"""Protocols of quantization methods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier
    from coldpress.training.loop import Epoch, Loss, ProgressCallback


@dataclass(frozen=True)
class TrainingContext:
    """Inputs of a method that trains.

    Attributes:
        train: The transfer set.
        loss: Of logits against the teacher's soft targets for the rows of `train`.
        validation: Labelled rows that are not trained on.
        progress: Called after each training step.
    """

    train: EncodedSplit
    loss: Loss
    validation: EncodedSplit
    progress: ProgressCallback


@dataclass(frozen=True)
class QuantizationResult:
    """Output of a method that trains.

    Attributes:
        classifier: Computes what ONNX Runtime will compute.
        epochs: Training epochs by the name of the training step.
    """

    classifier: Classifier
    epochs: Mapping[str, tuple[Epoch, ...]] = field(default_factory=dict)


class PostTrainingQuantization(Protocol):
    """A recipe's `quantize` section that quantizes without training."""

    @property
    def method(self) -> str:
        """Its name in the recipe."""

    def quantize(self, classifier: Classifier, calibration: EncodedSplit) -> Classifier:
        """Return a quantized copy that computes what ONNX Runtime will compute.

        Args:
            classifier: The source, in float32; not modified.
            calibration: Training rows, for methods that measure activations.
        """


@runtime_checkable
class QuantizationAwareTraining(Protocol):
    """A recipe's `quantize` section that trains; its stage depends on the soft targets."""

    @property
    def method(self) -> str:
        """Its name in the recipe."""

    def train(self, classifier: Classifier, context: TrainingContext) -> QuantizationResult:
        """Return a quantized copy that computes what ONNX Runtime will compute.

        Args:
            classifier: The source, in float32; not modified.
            context: Rows, loss and progress callback.
        """
