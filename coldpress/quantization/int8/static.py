"""Static int8: integer weights; activation ranges are calibrated on training texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from coldpress.cpu import weight_bits
from coldpress.method import MethodSection
from coldpress.quantization.fields import CalibrationExamples, WeightBits

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationContext


class StaticInt8(MethodSection):
    """Signed per-channel weights, unsigned per-tensor activations with calibrated ranges."""

    method: Literal["static-int8"]
    calibration_examples: CalibrationExamples = 256
    weight_bits: WeightBits = None

    def quantize(self, classifier: Classifier, context: QuantizationContext) -> Classifier:
        """Quantize weights and embedding tables, and calibrate activation ranges.

        Args:
            classifier: The source, not modified.
            context: Its training rows are used.

        Returns:
            A classifier that computes what ONNX Runtime will compute, for any batch.
        """
        from coldpress.quantization.core.calibration import activation_ranges
        from coldpress.quantization.core.convert import quantize_int8

        ranges = activation_ranges(classifier, context.data.train, self.calibration_examples)
        return quantize_int8(classifier, self.weight_bits or weight_bits(), ranges)
