"""As few bits for every part of a classifier as keep its answers where they were.

A part's sensitivity is how far the answers move when it alone is rounded: Cai et al. 2020, "ZeroQ:
A Novel Zero Shot Quantization Framework". Parts are lowered where a bit that is saved
costs least, and what was allowed is measured with all of them lowered together.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import InputError
from coldpress.model.classifier import Classifier
from coldpress.quantization.layer_groups import LOGITS, LayerGroup, group_layers
from coldpress.quantization.mixed.rounded_weights import WeightRounder

LEVELS = (8, 4, 3, 2, 1)
"""Bits that a part may have; what lies between 8 and 4 is not worth its measurement."""

GroupBits = Mapping[str, int]
"""Bits of each part, by its name."""
Sensitivities = Mapping[tuple[str, int], float]
"""How far the answers move when a part alone has some bits."""


def search_bits(
    classifier: Classifier, rows: EncodedSplit, max_divergence: float, levels: Sequence[int]
) -> Classifier:
    """Lower the bits of parts for as long as the answers stay near enough.

    Args:
        classifier: The source, left as it is.
        rows: What divergence is measured on.
        max_divergence: Most that it may be with everything rounded, activations included.
        levels: Bits that a part may have, falling; the logits keep the first.

    Returns:
        A classifier that answers as ONNX Runtime will.

    Raises:
        InputError: It diverges further at the first level already.
    """
    rounding, expected = WeightRounder(classifier), classifier.logits(rows)

    def diverging(changed: Classifier) -> float:
        return mean_kl_divergence(expected, changed.logits(rows))

    def moved(choice: GroupBits) -> float:
        return diverging(_quantize(classifier, rounding, choice))

    costs = measure_sensitivities(classifier, diverging, rounding, levels)
    choices = lower_greedily(group_layers(classifier), costs, levels)

    kept = bisect_left(choices, True, key=lambda choice: moved(choice) > max_divergence)
    if not kept:
        raise InputError(
            f"quantize.max_divergence: {levels[0]} bits everywhere diverge by "
            f"{moved(choices[0]):.1e} already, more than {max_divergence}"
        )
    return _quantize(classifier, rounding, choices[kept - 1])


def lower_greedily(
    whole: Sequence[LayerGroup], costs: Sensitivities, levels: Sequence[int]
) -> list[GroupBits]:
    """Lower one part after the other, always where a bit that is saved costs least.

    Args:
        whole: All parts; the logits are never lowered.
        costs: Of each other part, by its name and level but the first, which costs nothing.
        levels: Bits that a part may have, falling.

    Returns:
        Choices, the first with most bits, each after it with one part a level lower.
    """
    sizes = {part.name: part.weights for part in whole if part.name != LOGITS}
    choices: list[GroupBits] = [{part.name: levels[0] for part in whole}]
    below = dict(pairwise(levels))
    while lowerable := [name for name in sizes if choices[-1][name] in below]:
        now = choices[-1]
        prices = {
            name: _cost_per_bit(costs, name, now[name], below[now[name]]) / sizes[name]
            for name in lowerable
        }
        cheapest = min(prices, key=prices.__getitem__)
        choices.append({**now, cheapest: below[now[cheapest]]})
    return choices


def _cost_per_bit(costs: Sensitivities, name: str, now: int, then: int) -> float:
    """What a bit of each weight costs that a part gives up on its next step down."""
    return (costs[name, then] - costs.get((name, now), 0.0)) / (now - then)


def measure_sensitivities(
    classifier: Classifier,
    diverging: Callable[[Classifier], float],
    rounding: WeightRounder,
    levels: Sequence[int],
) -> Sensitivities:
    """Measure how far the answers move when one part alone is rounded, in float32 otherwise.

    Args:
        classifier: Left as it is.
        diverging: Measures how far the answers of a changed copy are from its own.
        rounding: Of this classifier.
        levels: Bits that a part may have, falling; the first is not measured.

    Returns:
        Divergences, by part and level.
    """
    alone, costs = classifier.copy(), {}
    for part in group_layers(classifier):
        for bits in levels[1:] if part.name != LOGITS else ():
            _round_group(alone, rounding, part, bits)
            costs[part.name, bits] = diverging(alone)
        _restore_group(alone, classifier, part)
    return costs


@torch.inference_mode()
def mean_kl_divergence(expected: Tensor, found: Tensor) -> float:
    """Mean Kullback-Leibler divergence of answers from those that were expected.

    Args:
        expected: Logits of shape (rows, labels).
        found: The same.

    Returns:
        In nats; 0 where all answers are the same.
    """
    ours, theirs = (torch.log_softmax(logits, -1) for logits in (found, expected))
    return float(nn.functional.kl_div(ours, theirs, reduction="batchmean", log_target=True))


def _quantize(classifier: Classifier, rounding: WeightRounder, choice: GroupBits) -> Classifier:
    whole = group_layers(classifier)
    return rounding.quantized({path: choice[part.name] for part in whole for path in part.paths})


@torch.no_grad()
def _round_group(alone: Classifier, rounding: WeightRounder, part: LayerGroup, bits: int) -> None:
    for path in part.paths:
        integers, scale = rounding.integers(path, bits)
        alone.module.get_parameter(f"{path}.weight").copy_(integers * scale)


@torch.no_grad()
def _restore_group(alone: Classifier, classifier: Classifier, part: LayerGroup) -> None:
    for path in part.paths:
        name = f"{path}.weight"
        alone.module.get_parameter(name).copy_(classifier.module.get_parameter(name))
