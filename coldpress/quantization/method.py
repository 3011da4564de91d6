"""What a quantization method must offer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from coldpress.encoding import Encoded
    from coldpress.model import Classifier


class Quantization(Protocol):
    """A recipe's `quantize` section."""

    @property
    def method(self) -> str:
        """Its name in the recipe."""

    def quantize(self, classifier: Classifier, calibration: Encoded) -> Classifier:
        """Return a classifier that answers as ONNX Runtime will, and leave the source as it is.

        Args:
            classifier: The source, in float32.
            calibration: Training rows, for a method that needs to see activations.
        """
