"""Static int8 after moving activation outliers into the weights (SmoothQuant, Xiao et al. 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.cpu import weight_bits
from coldpress.method import MethodSection
from coldpress.quantization.fields import CalibrationExamples, WeightBits

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationContext


class SmoothQuant(MethodSection):
    """Static int8 with activation outliers moved into the weights before rounding."""

    method: Literal["smooth"]
    alpha: Annotated[
        float, Field(ge=0.0, le=1.0, description="Share of the outliers moved into the weights.")
    ] = 0.8
    multiply: Annotated[
        bool,
        Field(description="Also smooth where it adds a multiplication to the graph."),
    ] = True
    calibration_examples: CalibrationExamples = 256
    weight_bits: WeightBits = None

    def quantize(self, classifier: Classifier, context: QuantizationContext) -> Classifier:
        """Move outliers into the weights, then quantize as static int8 does.

        Args:
            classifier: The source, not modified.
            context: Its training rows are used.

        Returns:
            A classifier that computes what ONNX Runtime will compute, for any batch.
        """
        from coldpress.quantization.core.calibration import channel_ranges
        from coldpress.quantization.core.convert import quantize_int8
        from coldpress.quantization.smoothquant.migration import migrate_outliers

        channels = channel_ranges(classifier, context.data.train, self.calibration_examples)
        smoothed, ranges = migrate_outliers(
            classifier, channels, self.alpha, multiply=self.multiply
        )
        return quantize_int8(smoothed, self.weight_bits or weight_bits(), ranges)
