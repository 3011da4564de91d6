"""Search for the fewest bits of each layer group within a loss bound.

The sensitivity of a group is the divergence of the logits when it alone is rounded: Cai et al.
2020, "ZeroQ: A Novel Zero Shot Quantization Framework". Bits are lowered where saving one costs
least, and the bound is checked with all groups rounded together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import InputError
from coldpress.kinds.kind import TaskKind
from coldpress.model.classifier import Classifier
from coldpress.quantization.layer_groups import LOGITS, LayerGroup, group_layers
from coldpress.quantization.mixed.rounded_weights import WeightRounder

LEVELS = (8, 4, 3, 2, 1)
"""Bits that a group may have; values between 8 and 4 are not worth measuring."""

GroupBits = Mapping[str, int]
"""Bits of each group by name."""
Sensitivities = Mapping[tuple[str, int], float]
"""Divergence of the logits by the name and bits of the only group that is rounded."""


def search_bits(
    classifier: Classifier, rows: EncodedSplit, max_divergence: float, levels: Sequence[int]
) -> Classifier:
    """Lower the bits of groups as long as the divergence stays within a bound.

    Args:
        classifier: The source, not modified.
        rows: Rows on which divergence is measured.
        max_divergence: Bound on the divergence with everything rounded, including activations.
        levels: Bits that a group may have, descending; the logits keep the first.

    Returns:
        A classifier that computes what ONNX Runtime will compute.

    Raises:
        InputError: Even the first level exceeds the bound.
    """
    rounder = WeightRounder(classifier)
    expected = classifier.logits(rows)

    def divergence(changed: Classifier) -> float:
        return mean_divergence(classifier.kind, expected, changed.logits(rows))

    def quantized_divergence(bits: GroupBits) -> float:
        return divergence(_quantize(classifier, rounder, bits))

    sensitivities = measure_sensitivities(classifier, divergence, rounder, levels)
    candidates = lower_greedily(group_layers(classifier), sensitivities, levels)

    allowed = bisect_left(
        candidates, True, key=lambda bits: quantized_divergence(bits) > max_divergence
    )
    if not allowed:
        raise InputError(
            f"quantize.max_divergence: even with {levels[0]} bits everywhere the divergence is "
            f"{quantized_divergence(candidates[0]):.1e}, more than {max_divergence}"
        )
    return _quantize(classifier, rounder, candidates[allowed - 1])


def lower_greedily(
    groups: Sequence[LayerGroup], sensitivities: Sensitivities, levels: Sequence[int]
) -> list[GroupBits]:
    """Lower one group after another, always where saving a bit costs least.

    Args:
        groups: All groups; the logits are never lowered.
        sensitivities: Of each other group at each level but the first, which costs nothing.
        levels: Bits that a group may have, descending.

    Returns:
        The first with the most bits, each of the others with one group one level lower.
    """
    sizes = {group.name: group.weights for group in groups if group.name != LOGITS}
    steps: list[GroupBits] = [{group.name: levels[0] for group in groups}]
    below = dict(pairwise(levels))
    while lowerable := [name for name in sizes if steps[-1][name] in below]:
        bits = steps[-1]
        costs = {
            name: _cost_per_bit(sensitivities, name, bits[name], below[bits[name]]) / sizes[name]
            for name in lowerable
        }
        cheapest = min(costs, key=costs.__getitem__)
        steps.append({**bits, cheapest: below[bits[cheapest]]})
    return steps


def _cost_per_bit(sensitivities: Sensitivities, name: str, high: int, low: int) -> float:
    """Return the added divergence per bit when a group goes from `high` to `low` bits."""
    return (sensitivities[name, low] - sensitivities.get((name, high), 0.0)) / (high - low)


def measure_sensitivities(
    classifier: Classifier,
    divergence: Callable[[Classifier], float],
    rounder: WeightRounder,
    levels: Sequence[int],
) -> Sensitivities:
    """Measure the divergence when a single group is rounded and the rest stays in float32.

    Args:
        classifier: Not modified.
        divergence: Measures the divergence of a changed copy.
        rounder: Of this classifier.
        levels: Bits that a group may have, descending; the first is not measured.

    Returns:
        Divergences by group and level.
    """
    copy = classifier.copy()
    sensitivities = {}
    for group in group_layers(classifier):
        for bits in levels[1:] if group.name != LOGITS else ():
            _round_group(copy, rounder, group, bits)
            sensitivities[group.name, bits] = divergence(copy)
        _restore_group(copy, classifier, group)
    return sensitivities


@torch.inference_mode()
def mean_divergence(kind: TaskKind, expected: Tensor, outputs: Tensor) -> float:
    """Return the mean divergence of predictions from the expected ones.

    Args:
        kind: Task kind of the model.
        expected: Shape (rows, outputs).
        outputs: Shape (rows, outputs).

    Returns:
        For classification, the Kullback-Leibler divergence in nats; for regression, the squared
        difference. 0 if all predictions are equal.
    """
    return float(kind.soft_loss(outputs, expected, 1.0))


def _quantize(classifier: Classifier, rounder: WeightRounder, bits: GroupBits) -> Classifier:
    groups = group_layers(classifier)
    return rounder.quantize({path: bits[group.name] for group in groups for path in group.paths})


@torch.no_grad()
def _round_group(copy: Classifier, rounder: WeightRounder, group: LayerGroup, bits: int) -> None:
    for path in group.paths:
        integers, scale = rounder.integers(path, bits)
        copy.module.get_parameter(f"{path}.weight").copy_(integers * scale)


@torch.no_grad()
def _restore_group(copy: Classifier, classifier: Classifier, group: LayerGroup) -> None:
    for path in group.paths:
        name = f"{path}.weight"
        copy.module.get_parameter(name).copy_(classifier.module.get_parameter(name))
