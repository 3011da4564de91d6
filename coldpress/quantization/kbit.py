"""k-bit: packed weights of one to eight bits; activation ranges are measured at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from coldpress.cpu import weight_bits
from coldpress.method import MethodSection
from coldpress.quantization.fields import Bits, ScaleGranularity, TableBits, resolve_table_bits

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationContext


class KBit(MethodSection):
    """Packed k-bit weights, unsigned per-tensor activations with ranges of each batch."""

    method: Literal["k-bit"]
    bits: Bits
    per: ScaleGranularity = "channel"
    table_bits: TableBits = None

    def quantize(self, classifier: Classifier, context: QuantizationContext) -> Classifier:  # noqa: ARG002
        """Quantize weights and embedding tables.

        Args:
            classifier: The source, not modified.
            context: Not used.

        Returns:
            A classifier that computes what ONNX Runtime will compute.
        """
        from coldpress.quantization.core.convert import quantize_kbit

        output = classifier.output_head.output
        bits = min(self.bits, weight_bits())
        return quantize_kbit(
            classifier,
            lambda path: weight_bits() if path == output else bits,
            self.per,
            resolve_table_bits(self.table_bits, self.bits),
        )
