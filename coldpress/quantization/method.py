"""Interface of quantization methods, and the context they work in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from coldpress.method import Method
from coldpress.training.data import ignore_epochs
from coldpress.training.step import no_progress

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.training.data import EpochsCallback, TrainingData
    from coldpress.training.step import ProgressCallback


@dataclass(frozen=True)
class QuantizationContext:
    """Data and callbacks for a quantization method.

    Attributes:
        data: The transfer set and its loss for a method that trains; for any other, the training
            rows and their labels.
        progress: Called after each training step.
        report_epochs: Called with the epochs of each run of the training loop.
    """

    data: TrainingData
    progress: ProgressCallback = no_progress
    report_epochs: EpochsCallback = ignore_epochs


class Quantization(Method, Protocol):
    """The `quantize` section of a recipe. Its stage depends on the soft targets if it trains."""

    def quantize(self, classifier: Classifier, context: QuantizationContext) -> Classifier:
        """Return a quantized copy that computes what ONNX Runtime will compute.

        Args:
            classifier: The source, in float32; not changed.
            context: Data and callbacks.
        """
