"""Insert fake quantization with binary weights into a classifier."""

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
    """Replace a classifier's modules by ones with binary weights and low-bit activations.

    Only the linear modules of the encoder layers are binarized. The pooler and the output module
    keep int8 weights and activations.

    Args:
        classifier: The source, in float32 or already binarized; not modified.
        activation_bits: 1, 2 or 4.
        table_bits: Bits of an embedding table entry.
        rows: Training rows from which step sizes and ranges are initialized.

    Returns:
        A classifier to be trained.
    """
    classifier.module.cpu().eval()
    quantizers = _activation_quantizers(classifier, activation_bits, rows)
    binary_paths = _layer_linears(classifier)
    shared = shared_inputs(classifier)

    def linear(path: str, source: nn.Linear) -> FakeQuantizedLinear:
        bits = 1 if path in binary_paths else weight_bits()
        return FakeQuantizedLinear(source, bits, "channel", quantizers[shared.get(path, path)])

    return insert_fake_quantization(classifier, linear, table_bits)


def _layer_linears(classifier: Classifier) -> dict[str, bool]:
    """Return the paths of the layers' linear modules, each with whether its input is signed.

    The output of the activation function alone is never far below zero, so it counts as unsigned.
    """
    table = classifier.architecture
    prefix = f"{table.encoder}.{table.layers}."
    paths = [p for p in modules_of_type(classifier, nn.Linear) if p.startswith(prefix)]
    # The path within a layer follows the layer's number.
    inner_paths = [path.removeprefix(prefix).partition(".")[2] for path in paths]
    feed_forward = table.feed_forward
    signed = [path != feed_forward.down or feed_forward.gate is not None for path in inner_paths]
    return dict(zip(paths, signed, strict=True))


def _activation_quantizers(
    classifier: Classifier, bits: int, rows: EncodedSplit
) -> dict[str, ActivationQuantizer]:
    signed = _layer_linears(classifier)
    ranges = activation_ranges(classifier, rows, CALIBRATION_EXAMPLES)
    magnitudes = mean_magnitudes(classifier, rows, CALIBRATION_EXAMPLES)
    linears = modules_of_type(classifier, nn.Linear)
    widths = {path: linear.in_features for path, linear in linears.items()}
    return {
        path: ElasticQuantizer(magnitudes[path], widths[path], bits, signed=signed[path])
        if path in signed
        else MovingRangeQuantizer(*ranges[path], first_token=False)
        for path in widths
    }
