"""k-bit: weights of one to eight bits, packed; activations are measured at run time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.processor import weight_bits
from coldpress.section import Section

if TYPE_CHECKING:
    from coldpress.encoding import Encoded
    from coldpress.model import Classifier


class KBit(Section):
    """Weights of k bits, packed, and unsigned per-tensor activations measured for each batch."""

    method: Literal["k-bit"]
    bits: Annotated[int, Field(ge=1, le=8, description="Of a weight; 1 leaves -1 and 1.")]
    per: Annotated[
        Literal["tensor", "channel"],
        Field(description="What has a scale of its own: a weight matrix, or each output of it."),
    ] = "channel"
    table_bits: Annotated[
        Annotated[int, Field(ge=1, le=8)] | None,
        Field(description="Of an embedding table; empty: as a weight, and at least 4."),
    ] = None

    def quantize(self, classifier: Classifier, calibration: Encoded) -> Classifier:  # noqa: ARG002
        """Decide the integers of weights and tables.

        Args:
            classifier: The source, left as it is.
            calibration: Not needed.

        Returns:
            A classifier that answers as ONNX Runtime will.
        """
        from coldpress.quantization.replacement import few_bits

        head = classifier.architecture.output
        rest = min(self.bits, weight_bits())
        return few_bits(
            classifier,
            lambda path: weight_bits() if path == head else rest,
            self.per,
            self.table_bits or max(self.bits, 4),
        )
