"""Migration of outliers from activations to weights (SmoothQuant, Xiao et al. 2023, section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from coldpress.model.architecture import CONVOLUTION_PATH
from coldpress.model.classifier import Classifier
from coldpress.model.normalization import Norm, bias_of
from coldpress.quantization.core.convert import Ranges, modules_of_type
from coldpress.quantization.core.smoothed_linear import SmoothedLinear

SMALLEST_SCALE = 1e-5
"""As in the published code: a channel hardly active in calibration may be active elsewhere."""


@dataclass(frozen=True)
class SmoothingSite:
    """An activation that linear modules read.

    Attributes:
        consumers: Paths of these modules.
        producer: Path of an earlier module whose output can be divided per channel instead, because
            nothing else reads it and the operations in between preserve the division. Empty if
            there is none: the activation itself must be multiplied.
    """

    consumers: tuple[str, ...]
    producer: str = ""


def smoothing_sites(classifier: Classifier) -> Iterator[SmoothingSite]:
    """Find the activations that can be smoothed, and their producers.

    The normalization between two layers cannot be a producer unless the family normalizes before
    attention and feed-forward, since the residual sum reads it too. The input of the output layer
    is smoothed only where that is free: after a tanh no channel has outliers.

    Args:
        classifier: Of any family of the architecture table.

    Yields:
        Sites from the embeddings to the logits; a linear module is in at most one site.
    """
    table = classifier.architecture
    head = classifier.output_head
    paths = modules_of_type(classifier, nn.Linear)
    if CONVOLUTION_PATH in paths:
        # A filter that is divided by a number has its largest value divided by it.
        yield SmoothingSite((head.output,), CONVOLUTION_PATH)
        return
    projection = f"{table.encoder}.{table.embeddings.projection}"
    if projection in paths:
        yield SmoothingSite((projection,), f"{table.encoder}.{table.embeddings.norm}")
    for index in range(len(classifier.layers)):
        yield from _layer_sites(classifier, table.layer_path(index))
    last = f"{table.layers}.{len(classifier.layers) - 1}.{table.norms.feed_forward}"
    last_norm = f"{table.encoder}.{table.norms.final or last}"
    if (first := head.pooler or head.output) in paths:  # a sentence head may have no linear module
        yield SmoothingSite((first,), last_norm)
    if head.pooler and (head.norm or head.activation == "relu"):
        yield SmoothingSite((head.output,), head.norm or head.pooler)


def _layer_sites(classifier: Classifier, layer: str) -> Iterator[SmoothingSite]:
    table = classifier.architecture
    paths = {role: f"{layer}.{path}" for role, path in table.linears.items()}
    before_attention, before_feed_forward = _norms_before(classifier, layer)
    input_roles = table.attention.input_roles
    yield SmoothingSite(tuple(paths[role] for role in input_roles), before_attention)
    # Attention mixes tokens, never channels of the values.
    yield SmoothingSite((paths["attention_output"],), paths["value"])
    yield SmoothingSite(tuple(paths[role] for role in table.up_roles), before_feed_forward)
    relu = getattr(classifier.config, table.config_keys.activation) == "relu"
    yield SmoothingSite((paths["down"],), paths.get("gate", paths["up"] if relu else ""))


def _norms_before(classifier: Classifier, layer: str) -> list[str]:
    """Return the normalizations before attention and feed-forward; an empty path without one."""
    norms = classifier.architecture.norms
    if not norms.before_sublayers:
        return ["", ""]
    paths = [f"{layer}.{norm}" for norm in norms.in_layer]
    # The first layer may have none before its attention.
    missing = modules_of_type(classifier, nn.Identity)
    return ["" if path in missing else path for path in paths]


def smoothing_scale(inputs: Tensor, weights: Tensor, alpha: float) -> Tensor:
    """Equation 4: s_j = max |X_j|^alpha / max |W_j|^(1 - alpha).

    Args:
        inputs: max |X_j|, shape (in,).
        weights: max |W_j| over all modules that read X, shape (in,).
        alpha: Share of the outliers moved into the weights.

    Returns:
        Divisors of the channels, shape (in,); 1 for channels that are never active or whose weights
        are all zero.
    """
    scale = (inputs**alpha / weights ** (1 - alpha)).clamp(min=SMALLEST_SCALE)
    return torch.where((inputs > 0) & (weights > 0), scale, torch.ones_like(scale))


@torch.no_grad()
def migrate_outliers(
    classifier: Classifier, channels: Ranges, alpha: float, *, multiply: bool
) -> tuple[Classifier, Ranges]:
    """Divide activations and multiply weights: the same logits with smaller outliers.

    Args:
        classifier: The source, not modified.
        channels: Smallest and largest input of each channel, shape (in,), by the module's path.
        alpha: See `smoothing_scale`.
        multiply: Also smooth sites without a producer, by multiplying the activation.

    Returns:
        The smoothed classifier in float32, and the input ranges of its linear modules.
    """
    smoothed = classifier.copy()
    ranges = {path: (low.amin(), high.amax()) for path, (low, high) in channels.items()}
    for site in smoothing_sites(classifier):
        if site.producer or multiply:
            low, high = channels[site.consumers[0]]
            weights = _largest_weights(classifier, site)
            scale = smoothing_scale(torch.maximum(-low, high), weights, alpha)
            _rescale(smoothed, site, scale)
            input_range = (low / scale).amin(), (high / scale).amax()
            ranges |= dict.fromkeys(site.consumers, input_range)
    return smoothed, ranges


def _largest_weights(classifier: Classifier, site: SmoothingSite) -> Tensor:
    """Return the largest weight magnitude per channel over a site's consumers, shape (in,)."""
    linears = [cast("nn.Linear", classifier.module.get_submodule(path)) for path in site.consumers]
    return torch.cat([linear.weight for linear in linears]).abs().amax(0)


def _rescale(classifier: Classifier, site: SmoothingSite, scale: Tensor) -> None:
    """Divide the input of a site's consumers by a scale, and multiply their weights by it."""
    for path in site.consumers:
        linear = cast("nn.Linear", classifier.module.get_submodule(path))
        linear.weight.mul_(scale)
        if not site.producer:
            smoothed = SmoothedLinear.from_linear(linear, 1 / scale)
            classifier.module.set_submodule(path, smoothed)
    if site.producer:
        producer = cast("nn.Linear | Norm", classifier.module.get_submodule(site.producer))
        # The rows of a linear module or the gains of a normalization, and the bias.
        producer.weight.div_(scale.view(-1, *[1] * (producer.weight.dim() - 1)))
        bias = bias_of(producer)
        if bias is not None:
            bias.div_(scale)
