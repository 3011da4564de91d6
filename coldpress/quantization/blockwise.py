"""Weight-only quantization: a scale per block of weights; activations in float32 or int8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationContext


class WeightOnly(MethodSection):
    """8-bit or 4-bit weights with a scale per block; logits do not depend on the batch."""

    method: Literal["weight-only"]
    bits: Annotated[Literal[8, 4], Field(description="Of a weight and an embedding table entry.")]
    block_size: Annotated[
        Literal[16, 32, 64, 128, 256],
        Field(description="Neighbouring weights that share a scale; fewer where rows are short."),
    ] = 64
    activations: Annotated[
        Literal["float32", "int8"],
        Field(description="Type of the activations; int8 is faster, and rounds per token."),
    ] = "int8"

    def quantize(
        self,
        classifier: Classifier,
        context: QuantizationContext,  # noqa: ARG002
    ) -> Classifier:
        """Quantize weights and embedding tables.

        Args:
            classifier: The source, not modified.
            context: Not used.

        Returns:
            A classifier that computes what ONNX Runtime will compute, for any batch.
        """
        from coldpress.quantization.arithmetic.block_linear.convert import quantize_blockwise
        from coldpress.quantization.arithmetic.block_linear.module import FLOAT32, INT8
        from coldpress.quantization.core.convert import quantize_kbit_table, replace_modules

        level = INT8 if self.activations == "int8" else FLOAT32
        return replace_modules(
            classifier,
            lambda _, linear: quantize_blockwise(linear, self.bits, self.block_size, level),
            lambda _, weight: quantize_kbit_table(weight, self.bits),
        )
