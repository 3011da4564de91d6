"""Description of the precision of a classifier's layers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coldpress.evaluation.scorecard.precision import PartPrecision
from coldpress.model.classifier import Classifier
from coldpress.quantization.arithmetic.arithmetic import Precision
from coldpress.quantization.arithmetic.table import find_arithmetic
from coldpress.quantization.layer_groups import group_layers

_OF_LAYER = " of layer "


def describe_arithmetic(classifier: Classifier) -> tuple[PartPrecision, ...]:
    """Describe the arithmetic of a classifier, grouping layers with the same precision.

    Args:
        classifier: Quantized or not.

    Returns:
        Each precision, in the order of its first layer.

    Raises:
        TypeError: A module's type has no arithmetic in the table.
    """
    by_precision: dict[Precision, dict[str, None]] = {}
    for group in group_layers(classifier):
        for path in group.paths:
            module = classifier.module.get_submodule(path)
            precision = find_arithmetic(path, module).precision(module)
            by_precision.setdefault(precision, {})[group.name] = None
    return tuple(
        PartPrecision(
            parts=tuple(_merge_layers(names)),
            weight_bits=precision.weight_bits,
            activation_bits=precision.activation_bits,
            computes_in=precision.computes_in,
        )
        for precision, names in by_precision.items()
    )


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
