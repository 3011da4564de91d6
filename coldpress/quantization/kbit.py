"""k-bit: weights of one to eight bits, packed; activations are measured at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from coldpress.cpu import weight_bits
from coldpress.quantization.fields import Bits, ScaleGranularity, TableBits, resolve_table_bits
from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier


class KBit(Section):
    """Weights of k bits, packed, and unsigned per-tensor activations measured for each batch."""

    method: Literal["k-bit"]
    bits: Bits
    per: ScaleGranularity = "channel"
    table_bits: TableBits = None

    def quantize(self, classifier: Classifier, calibration: EncodedSplit) -> Classifier:  # noqa: ARG002
        """Decide the integers of weights and tables.

        Args:
            classifier: The source, left as it is.
            calibration: Not needed.

        Returns:
            A classifier that answers as ONNX Runtime will.
        """
        from coldpress.quantization.core.convert import quantize_kbit

        head = classifier.architecture.output
        rest = min(self.bits, weight_bits())
        return quantize_kbit(
            classifier,
            lambda path: weight_bits() if path == head else rest,
            self.per,
            resolve_table_bits(self.table_bits, self.bits),
        )
