"""Which modules of a classifier become binary, and which stay bytes."""

from __future__ import annotations

from torch import nn

from coldpress.cpu import weight_bits
from coldpress.data.encoding import Encoded
from coldpress.model.classifier import Classifier
from coldpress.quantization.bit.elastic import Elastic
from coldpress.quantization.core.calibration import activation_ranges, mean_magnitudes
from coldpress.quantization.core.convert import modules
from coldpress.quantization.core.fake_quant import learnable, shared_inputs
from coldpress.quantization.core.trainable_modules import LearnableLinear, MovingRange, Rounding
from coldpress.quantization.qat.bit_widths import EXAMPLES


def binarized(
    classifier: Classifier, activation_bits: int, table_bits: int, rows: Encoded
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
    arriving, inside = _roundings(classifier, activation_bits, rows), _inside(classifier)
    shared = shared_inputs(classifier)

    def linear(path: str, source: nn.Linear) -> LearnableLinear:
        bits = 1 if path in inside else weight_bits()
        return LearnableLinear(source, bits, "channel", arriving[shared.get(path, path)])

    return learnable(classifier, linear, table_bits)


def _inside(classifier: Classifier) -> dict[str, bool]:
    """Paths of the layers' linear modules, and whether what arrives there has both signs.

    What follows the activation function alone is never far below zero.
    """
    table, paths = classifier.architecture, modules(classifier, nn.Linear)
    layers = f"{table.encoder}.{table.layers}."
    inside = [path for path in paths if path.startswith(layers)]
    # Behind the number of the layer: a path inside of it.
    places = [path.removeprefix(layers).partition(".")[2] for path in inside]
    signed = [place != table.down or table.gate is not None for place in places]
    return dict(zip(inside, signed, strict=True))


def _roundings(classifier: Classifier, bits: int, rows: Encoded) -> dict[str, Rounding]:
    inside, spans = _inside(classifier), activation_ranges(classifier, rows, EXAMPLES)
    sizes = mean_magnitudes(classifier, rows, EXAMPLES)
    widths = {path: linear.in_features for path, linear in modules(classifier, nn.Linear).items()}
    return {
        path: Elastic(sizes[path], widths[path], bits, signed=inside[path])
        if path in inside
        else MovingRange(*spans[path], first_token=False)
        for path in widths
    }
