"""Description of the precision of a classifier's layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from torch import nn

from coldpress.evaluation.scorecard.precision import PartPrecision
from coldpress.model.classifier import Classifier
from coldpress.quantization.core.blocks import INT8, BlockLinear
from coldpress.quantization.core.modules import QuantizedEmbedding, QuantizedLinear
from coldpress.quantization.layer_groups import group_layers

_OF_LAYER = " of layer "


def describe_arithmetic(classifier: Classifier) -> tuple[PartPrecision, ...]:
    """Describe the arithmetic of a classifier, grouping layers with the same precision.

    Args:
        classifier: Quantized or not.

    Returns:
        Each precision, in the order of its first layer.
    """
    by_precision: dict[tuple[int, int | None, str], dict[str, None]] = {}
    for group in group_layers(classifier):
        for path in group.paths:
            precision = _module_arithmetic(classifier.module.get_submodule(path))
            by_precision.setdefault(precision, {})[group.name] = None
    return tuple(
        PartPrecision(
            parts=tuple(_merge_layers(names)),
            weight_bits=weight,
            activation_bits=activation,
            computes_in=text,
        )
        for (weight, activation, text), names in by_precision.items()
    )


def _module_arithmetic(module: nn.Module) -> tuple[int, int | None, str]:
    """Return the bits of a weight, the bits of an activation, and the arithmetic in words."""
    if isinstance(module, QuantizedEmbedding):
        return module.bits, None, "int8 rows, scaled to float32"
    if isinstance(module, nn.Embedding):
        return 32, None, "float32 rows"
    if isinstance(module, BlockLinear):
        bits = int(module.bits)
        size = int(module.block_size)
        if int(module.accuracy_level) == INT8:
            return bits, 8, f"int8, ranges of {size} values of a token"
        return bits, 32, f"float32, weights scaled back in blocks of {size}"
    if isinstance(module, QuantizedLinear):
        dynamic = module.activation_scale is None
        ranges = f"int8, ranges {'of the batch' if dynamic else 'calibrated'}"
        return module.bits, _activation_bits(module), ranges
    return 32, 32, "float32"


def _activation_bits(module: QuantizedLinear) -> int:
    """Return 8, or fewer for a binary model, whose activations are clipped but stored in bytes."""
    largest = module.activation_largest
    return 8 if largest is None else int(largest).bit_length()


def _merge_layers(names: Iterable[str]) -> Iterator[str]:
    """Merge the layers of one kind of group into one name."""
    kinds: dict[str, list[int]] = {}
    for name in names:
        kind, _, number = name.partition(_OF_LAYER)
        kinds.setdefault(kind, []).extend([int(number)] if number else [])
    for kind, numbers in kinds.items():
        yield (
            f"{kind} of layer{'s'[: len(numbers) - 1]} {_format_ranges(numbers)}"
            if numbers
            else kind
        )


def _format_ranges(numbers: list[int]) -> str:
    """Format ascending numbers as `1 to 3, 5`."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(low) if low == high else f"{low} to {high}" for low, high in runs)
