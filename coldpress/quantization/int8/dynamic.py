"""Dynamic int8: integer weights; activation ranges are measured at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from coldpress.cpu import weight_bits
from coldpress.quantization.fields import WeightBits
from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier


class DynamicInt8(Section):
    """Signed per-channel weights, unsigned per-tensor activations with ranges of each batch."""

    method: Literal["dynamic-int8"]
    weight_bits: WeightBits = None

    def quantize(self, classifier: Classifier, calibration: EncodedSplit) -> Classifier:  # noqa: ARG002
        """Quantize weights and embedding tables.

        Args:
            classifier: The source, not modified.
            calibration: Not used.

        Returns:
            A classifier that computes what ONNX Runtime will compute.
        """
        from coldpress.quantization.core.convert import quantize_int8

        return quantize_int8(classifier, self.weight_bits or weight_bits())
