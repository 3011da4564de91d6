"""Weight-only: weights rounded block by block; activations as they are, or token by token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier


class WeightOnly(Section):
    """Weights of 8 or 4 bits with a scale a block; answers do not depend on the batch."""

    method: Literal["weight-only"]
    bits: Annotated[Literal[8, 4], Field(description="Of a weight, and of an embedding table.")]
    block_size: Annotated[
        Literal[16, 32, 64, 128, 256],
        Field(description="Neighbouring weights that share a scale; fewer where rows are short."),
    ] = 64
    activations: Annotated[
        Literal["float32", "int8"],
        Field(description="What weights meet; int8 is faster, and rounds each token by itself."),
    ] = "int8"

    def quantize(self, classifier: Classifier, calibration: EncodedSplit) -> Classifier:  # noqa: ARG002
        """Decide the integers of weights and tables.

        Args:
            classifier: The source, left as it is.
            calibration: Not needed.

        Returns:
            A classifier that answers as ONNX Runtime will, whatever the batch.
        """
        from coldpress.quantization.core.blocks import FLOAT32, INT8, quantize_blockwise
        from coldpress.quantization.core.convert import quantize_kbit_table, replace_modules

        level = INT8 if self.activations == "int8" else FLOAT32
        return replace_modules(
            classifier,
            lambda _, linear: quantize_blockwise(linear, self.bits, self.block_size, level),
            lambda _, weight: quantize_kbit_table(weight, self.bits),
        )
