"""Dynamic int8: integer weights; activation ranges are measured at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from coldpress.cpu import weight_bits
from coldpress.method import MethodSection
from coldpress.quantization.fields import WeightBits

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationContext


class DynamicInt8(MethodSection):
    """Signed per-channel weights, unsigned per-tensor activations with ranges of each batch."""

    method: Literal["dynamic-int8"]
    weight_bits: WeightBits = None

    def quantize(self, classifier: Classifier, context: QuantizationContext) -> Classifier:  # noqa: ARG002
        """Quantize weights and embedding tables.

        Args:
            classifier: The source, not modified.
            context: Not used.

        Returns:
            A classifier that computes what ONNX Runtime will compute.
        """
        from coldpress.quantization.core.convert import quantize_int8

        return quantize_int8(classifier, self.weight_bits or weight_bits())
