"""Which modules round to how many bits while a classifier is trained."""

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
"""Training texts that ranges start from."""


@dataclass(frozen=True)
class BitWidths:
    """How many bits each kind of weight has.

    Attributes:
        linear: Of all linear modules but the last.
        head: Of the module that gives the logits.
        tables: Of embedding tables.
        per: What has a scale of its own in linear modules.
    """

    linear: int
    head: int
    tables: int
    per: Granularity


def prepare_qat(classifier: Classifier, widths: BitWidths, rows: EncodedSplit) -> Classifier:
    """Put modules into a classifier that round its weights, and its activations to bytes.

    Args:
        classifier: The source, left as it is.
        widths: Bits of the weights.
        rows: Training rows, from which the activations' ranges start.

    Returns:
        A classifier to be trained.
    """
    spans, first = (
        activation_ranges(classifier, rows, CALIBRATION_EXAMPLES),
        first_token_paths(classifier),
    )
    shared, last = shared_inputs(classifier), classifier.architecture.output
    arriving = {
        path: MovingRangeQuantizer(*spans[path], first_token=path in first) for path in spans
    }

    def linear(path: str, source: nn.Linear) -> FakeQuantizedLinear:
        bits = widths.head if path == last else widths.linear
        return FakeQuantizedLinear(source, bits, widths.per, arriving[shared.get(path, path)])

    return insert_fake_quantization(classifier, linear, widths.tables)
