"""Outliers moved from activations into weights (Xiao et al. 2023, "SmoothQuant", section 4)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.quantization.core.convert import Ranges, modules_of_type
from coldpress.quantization.core.modules import SmoothedLinear

SMALLEST_SCALE = 1e-5
"""As in the published code: a channel that calibration hardly saw may be active elsewhere."""


@dataclass(frozen=True)
class SmoothingSite:
    """An activation that linear modules read.

    Attributes:
        readers: Their paths.
        giver: The module whose output can be divided channel by channel instead, since what stands
            between it and the readers passes a division on, and nobody else reads it. Empty where
            there is none: the activation itself has to be multiplied.
    """

    readers: tuple[str, ...]
    giver: str = ""


def smoothing_sites(classifier: Classifier) -> Iterator[SmoothingSite]:
    """Find the activations that can be smoothed, and which of them their givers can divide.

    A residual sum reads the normalizations between the layers too, so that these cannot, unless
    they stand before attention and feed-forward. Nothing is smoothed before the logits unless it
    costs nothing: behind a tanh no channel stands out.

    Args:
        classifier: Of any family of the architecture table.

    Yields:
        Sites from the embeddings up; no linear module reads two of them.
    """
    table, paths = classifier.architecture, modules_of_type(classifier, nn.Linear)
    projection = f"{table.encoder}.{table.embedding_projection}"
    if projection in paths:
        yield SmoothingSite((projection,), f"{table.encoder}.{table.embedding_norm}")
    for index in range(len(classifier.layers)):
        yield from _layer_sites(classifier, f"{table.encoder}.{table.layers}.{index}")
    last = f"{table.layers}.{len(classifier.layers) - 1}.{table.output_norm}"
    yield SmoothingSite((table.pooler,), f"{table.encoder}.{table.final_norm or last}")
    if table.pooler_norm or table.pooler_activation == "relu":
        yield SmoothingSite((table.output,), table.pooler_norm or table.pooler)


def _layer_sites(classifier: Classifier, layer: str) -> Iterator[SmoothingSite]:
    table = classifier.architecture
    paths = {role: f"{layer}.{getattr(table, role)}" for role in table.roles}
    norms = (f"{layer}.{norm}" for norm in (table.attention_norm, table.output_norm))
    # The first layer has none before its attention.
    before_attention, before_feed_forward = (
        norm if table.pre_norm and norm in modules_of_type(classifier, nn.LayerNorm) else ""
        for norm in norms
    )
    yield SmoothingSite((paths["query"], paths["key"], paths["value"]), before_attention)
    # Attention mixes tokens, never the channels of its values.
    yield SmoothingSite((paths["attention_output"],), paths["value"])
    yield SmoothingSite(tuple(paths[role] for role in table.up_roles), before_feed_forward)
    relu = getattr(classifier.config, table.config_activation) == "relu"
    yield SmoothingSite((paths["down"],), paths.get("gate", paths["up"] if relu else ""))


def smoothing_scale(inputs: Tensor, weights: Tensor, alpha: float) -> Tensor:
    """Equation 4: s_j = max |X_j|^alpha / max |W_j|^(1 - alpha).

    Args:
        inputs: max |X_j|, shape (in,).
        weights: max |W_j| over all modules that read X, shape (in,).
        alpha: Share of the difficulty that goes into the weights.

    Returns:
        Shape (in,): what channels are divided by. A channel that is never active, or that nobody
        weighs, is left alone.
    """
    moved = (inputs**alpha / weights ** (1 - alpha)).clamp(min=SMALLEST_SCALE)
    return torch.where((inputs > 0) & (weights > 0), moved, torch.ones_like(moved))


@torch.no_grad()
def migrate_outliers(
    classifier: Classifier, channels: Ranges, alpha: float, *, multiply: bool
) -> tuple[Classifier, Ranges]:
    """Divide activations and multiply weights: the same answers, and smaller outliers.

    Args:
        classifier: The source, left as it is.
        channels: Smallest and largest input of each channel, shape (in,), by the module's path.
        alpha: See `strength`.
        multiply: Also smooth what nothing before it can divide: what is read is multiplied.

    Returns:
        The classifier in float32, and the smallest and largest input of its linear modules.
    """
    made = classifier.copy()
    ranges = {path: (low.amin(), high.amax()) for path, (low, high) in channels.items()}
    for site in smoothing_sites(classifier):
        if site.giver or multiply:
            low, high = channels[site.readers[0]]
            scale = smoothing_scale(
                torch.maximum(-low, high), _largest_weights(classifier, site), alpha
            )
            _rescale(made, site, scale)
            span = (low / scale).amin(), (high / scale).amax()
            ranges |= dict.fromkeys(site.readers, span)
    return made, ranges


def _largest_weights(classifier: Classifier, site: SmoothingSite) -> Tensor:
    """Largest weight of each channel among all that read it, shape (in,)."""
    linears = [cast("nn.Linear", classifier.module.get_submodule(path)) for path in site.readers]
    return torch.cat([linear.weight for linear in linears]).abs().amax(0)


def _rescale(classifier: Classifier, site: SmoothingSite, scale: Tensor) -> None:
    """Divide what arrives at a site's readers by a scale, and multiply their weights by it."""
    for path in site.readers:
        linear = cast("nn.Linear", classifier.module.get_submodule(path))
        linear.weight.mul_(scale)
        if not site.giver:
            divided = SmoothedLinear.of(linear, 1 / scale)
            classifier.module.set_submodule(path, divided)
    if site.giver:
        giver = cast("nn.Linear | nn.LayerNorm", classifier.module.get_submodule(site.giver))
        # A row of a linear module, or the gain of a normalization, and its bias.
        giver.weight.div_(scale.view(-1, *[1] * (giver.weight.dim() - 1)))
        if giver.bias is not None:
            giver.bias.div_(scale)
