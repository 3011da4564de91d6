"""What a quantization method must offer."""

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
    """What a method that trains learns from.

    Attributes:
        train: The transfer set.
        loss: Of logits, against what the teacher answered; its rows are those of `train`.
        validation: Labelled rows that nothing is fitted to.
        progress: Told after each step.
    """

    train: EncodedSplit
    loss: Loss
    validation: EncodedSplit
    progress: ProgressCallback


@dataclass(frozen=True)
class QuantizationResult:
    """What a method that trains has made.

    Attributes:
        classifier: Answers as ONNX Runtime will.
        epochs: Of each step of the training, by its name.
    """

    classifier: Classifier
    epochs: Mapping[str, tuple[Epoch, ...]] = field(default_factory=dict)


class PostTrainingQuantization(Protocol):
    """A recipe's `quantize` section that decides integers at once."""

    @property
    def method(self) -> str:
        """Its name in the recipe."""

    def quantize(self, classifier: Classifier, calibration: EncodedSplit) -> Classifier:
        """Return a classifier that answers as ONNX Runtime will, and leave the source as it is.

        Args:
            classifier: The source, in float32.
            calibration: Training rows, for a method that needs to see activations.
        """


@runtime_checkable
class QuantizationAwareTraining(Protocol):
    """A recipe's `quantize` section that trains: the teacher's answers are inputs of its stage."""

    @property
    def method(self) -> str:
        """Its name in the recipe."""

    def train(self, classifier: Classifier, lessons: TrainingContext) -> QuantizationResult:
        """Return a classifier that answers as ONNX Runtime will, and leave the source as it is.

        Args:
            classifier: The source, in float32.
            lessons: What to learn from.
        """
