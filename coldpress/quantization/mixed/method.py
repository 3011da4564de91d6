"""Mixed bits: each part has the fewest that keep a stated loss (after Cai et al. 2020, ZeroQ)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from coldpress.cpu import weight_bits
from coldpress.schema.section import Section

if TYPE_CHECKING:
    from coldpress.data.encoding import EncodedSplit
    from coldpress.model.classifier import Classifier


class MixedPrecision(Section):
    """Weights of 8 bits or fewer, packed, as few as keep answers where they were."""

    method: Literal["mixed"]
    max_divergence: Annotated[
        float,
        Field(
            ge=0.0001,
            le=10.0,
            description="How far answers may move: mean KL divergence, training texts.",
        ),
    ] = 0.01
    least_bits: Annotated[
        Literal[1, 2, 3, 4], Field(description="Fewest bits that a part may be given.")
    ] = 2
    sensitivity_examples: Annotated[
        int, Field(ge=1, le=100_000, description="Training texts that divergence is measured on.")
    ] = 128

    def quantize(self, classifier: Classifier, calibration: EncodedSplit) -> Classifier:
        """Measure how sensitive each part is, and decide its bits and integers.

        Args:
            classifier: The source, left as it is.
            calibration: Training rows.

        Returns:
            A classifier that answers as ONNX Runtime will.

        Raises:
            InputError: 8 bits everywhere move the answers further than is allowed.
        """
        from coldpress.quantization.mixed.search import LEVELS, search_bits

        levels = sorted(
            {min(b, weight_bits()) for b in LEVELS if b >= self.least_bits}, reverse=True
        )
        rows = calibration.spread(self.sensitivity_examples)
        return search_bits(classifier, rows, self.max_divergence, levels)
