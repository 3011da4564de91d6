"""Which modules of a classifier become binary, and which stay bytes."""

from __future__ import annotations

from torch import nn

from coldpress.cpu import weight_bits
from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.quantization.bit.elastic import ElasticQuantizer
from coldpress.quantization.core.calibration import activation_ranges, mean_magnitudes
from coldpress.quantization.core.convert import modules_of_type
from coldpress.quantization.core.fake_quant import insert_fake_quantization, shared_inputs
from coldpress.quantization.core.trainable_modules import (
    ActivationQuantizer,
    FakeQuantizedLinear,
    MovingRangeQuantizer,
)
from coldpress.quantization.qat.bit_widths import CALIBRATION_EXAMPLES


def binarize(
    classifier: Classifier, activation_bits: int, table_bits: int, rows: EncodedSplit
) -> Classifier:
    """Put modules with binary weights and activations of few bits into a classifier.

    Outside of the layers weights and activations are bytes.

    Args:
        classifier: The source, in float32 or binarized before; left as it is.
        activation_bits: 1, 2 or 4.
        table_bits: Of embedding tables.
        rows: Training rows, from which steps and ranges start.

    Returns:
        A classifier to be trained.
    """
    classifier.module.cpu().eval()
    arriving, inside = (
        _activation_quantizers(classifier, activation_bits, rows),
        _layer_linears(classifier),
    )
    shared = shared_inputs(classifier)

    def linear(path: str, source: nn.Linear) -> FakeQuantizedLinear:
        bits = 1 if path in inside else weight_bits()
        return FakeQuantizedLinear(source, bits, "channel", arriving[shared.get(path, path)])

    return insert_fake_quantization(classifier, linear, table_bits)


def _layer_linears(classifier: Classifier) -> dict[str, bool]:
    """Paths of the layers' linear modules, and whether what arrives there has both signs.

    What follows the activation function alone is never far below zero.
    """
    table, paths = classifier.architecture, modules_of_type(classifier, nn.Linear)
    layers = f"{table.encoder}.{table.layers}."
    inside = [path for path in paths if path.startswith(layers)]
    # Behind the number of the layer: a path inside of it.
    places = [path.removeprefix(layers).partition(".")[2] for path in inside]
    signed = [place != table.down or table.gate is not None for place in places]
    return dict(zip(inside, signed, strict=True))


def _activation_quantizers(
    classifier: Classifier, bits: int, rows: EncodedSplit
) -> dict[str, ActivationQuantizer]:
    inside, spans = (
        _layer_linears(classifier),
        activation_ranges(classifier, rows, CALIBRATION_EXAMPLES),
    )
    sizes = mean_magnitudes(classifier, rows, CALIBRATION_EXAMPLES)
    widths = {
        path: linear.in_features for path, linear in modules_of_type(classifier, nn.Linear).items()
    }
    return {
        path: ElasticQuantizer(sizes[path], widths[path], bits, signed=inside[path])
        if path in inside
        else MovingRangeQuantizer(*spans[path], first_token=False)
        for path in widths
    }
