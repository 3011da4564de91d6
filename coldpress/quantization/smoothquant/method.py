"""Static int8 after outliers have moved into the weights (SmoothQuant, Xiao et al. 2023)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.cpu import weight_bits
from coldpress.quantization.fields import CalibrationExamples, WeightBits
from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier


class SmoothQuant(Section):
    """Static int8 with activation outliers moved into the weights before anything is rounded."""

    method: Literal["smooth"]
    alpha: Annotated[
        float, Field(ge=0.0, le=1.0, description="Share of the outliers that the weights take.")
    ] = 0.8
    multiply: Annotated[
        bool,
        Field(description="Also smooth where it costs the graph a multiplication."),
    ] = True
    calibration_examples: CalibrationExamples = 256
    weight_bits: WeightBits = None

    def quantize(self, classifier: Classifier, calibration: EncodedSplit) -> Classifier:
        """Move outliers, then decide the integers of weights and tables, and activation ranges.

        Args:
            classifier: The source, left as it is.
            calibration: Training rows.

        Returns:
            A classifier that answers as ONNX Runtime will, whatever the batch.
        """
        from coldpress.quantization.core.calibration import channel_ranges
        from coldpress.quantization.core.convert import quantize_int8
        from coldpress.quantization.smoothquant.migration import migrate_outliers

        channels = channel_ranges(classifier, calibration, self.calibration_examples)
        moved, ranges = migrate_outliers(classifier, channels, self.alpha, multiply=self.multiply)
        return quantize_int8(moved, self.weight_bits or weight_bits(), ranges)
