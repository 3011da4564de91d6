"""Static int8: integer weights; activation ranges are calibrated on training texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from coldpress.cpu import weight_bits
from coldpress.quantization.fields import CalibrationExamples, WeightBits
from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier


class StaticInt8(Section):
    """Signed per-channel weights, unsigned per-tensor activations with calibrated ranges."""

    method: Literal["static-int8"]
    calibration_examples: CalibrationExamples = 256
    weight_bits: WeightBits = None

    def quantize(self, classifier: Classifier, calibration: EncodedSplit) -> Classifier:
        """Quantize weights and embedding tables, and calibrate activation ranges.

        Args:
            classifier: The source, not modified.
            calibration: Training rows.

        Returns:
            A classifier that computes what ONNX Runtime will compute, for any batch.
        """
        from coldpress.quantization.core.calibration import activation_ranges
        from coldpress.quantization.core.convert import quantize_int8

        ranges = activation_ranges(classifier, calibration, self.calibration_examples)
        return quantize_int8(classifier, self.weight_bits or weight_bits(), ranges)
