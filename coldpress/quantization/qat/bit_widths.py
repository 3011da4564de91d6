"""Bit widths of the modules in quantization-aware training."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.quantization.core.calibration import activation_ranges
from coldpress.quantization.core.convert import first_token_paths
from coldpress.quantization.core.fake_quant import insert_fake_quantization, shared_inputs
from coldpress.quantization.core.kbit import Granularity
from coldpress.quantization.core.trainable_modules import FakeQuantizedLinear, MovingRangeQuantizer

CALIBRATION_EXAMPLES = 256
"""Training texts on which activation ranges are initialized."""


@dataclass(frozen=True)
class BitWidths:
    """Bits of each kind of weight.

    Attributes:
        linear: All linear modules but the last.
        head: The module that outputs the logits.
        tables: Embedding tables.
        per: One scale per output row of a linear module, or one per module.
    """

    linear: int
    head: int
    tables: int
    per: Granularity


def prepare_qat(classifier: Classifier, widths: BitWidths, rows: EncodedSplit) -> Classifier:
    """Insert fake quantization of weights, and of activations to uint8.

    Args:
        classifier: The source, not modified.
        widths: Bits of the weights.
        rows: Training rows on which activation ranges are initialized.

    Returns:
        A classifier to be trained.
    """
    ranges = activation_ranges(classifier, rows, CALIBRATION_EXAMPLES)
    first = first_token_paths(classifier)
    shared = shared_inputs(classifier)
    output = classifier.output_head.output
    quantizers = {
        path: MovingRangeQuantizer(*ranges[path], first_token=path in first) for path in ranges
    }

    def linear(path: str, source: nn.Linear) -> FakeQuantizedLinear:
        bits = widths.head if path == output else widths.linear
        return FakeQuantizedLinear(source, bits, widths.per, quantizers[shared.get(path, path)])

    return insert_fake_quantization(classifier, linear, widths.tables)
