"""Mixed precision: fewest bits per layer group within a loss bound (Cai et al. 2020, ZeroQ)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.cpu import weight_bits
from coldpress.method import MethodSection

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.method import QuantizationContext


class MixedPrecision(MethodSection):
    """Packed weights of at most 8 bits, with the fewest bits that stay within `max_divergence`."""

    method: Literal["mixed"]
    max_divergence: Annotated[
        float,
        Field(
            ge=0.0001,
            le=10.0,
            description="Largest mean KL divergence from the source, on training texts.",
        ),
    ] = 0.01
    least_bits: Annotated[
        Literal[1, 2, 3, 4], Field(description="Fewest bits of a layer group.")
    ] = 2
    sensitivity_examples: Annotated[
        int, Field(ge=1, le=100_000, description="Training texts on which divergence is measured.")
    ] = 128

    def quantize(self, classifier: Classifier, context: QuantizationContext) -> Classifier:
        """Measure the sensitivity of each layer group, choose its bits and quantize.

        Args:
            classifier: The source, not modified.
            context: Its training rows are used.

        Returns:
            A classifier that computes what ONNX Runtime will compute.

        Raises:
            InputError: Even 8 bits everywhere exceed `max_divergence`.
        """
        from coldpress.quantization.mixed.search import LEVELS, search_bits

        levels = sorted(
            {min(b, weight_bits()) for b in LEVELS if b >= self.least_bits}, reverse=True
        )
        rows = context.data.train.sample_evenly(self.sensitivity_examples)
        return search_bits(classifier, rows, self.max_divergence, levels)
