"""Repeated rounding of a classifier's weights to different numbers of bits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor, nn

from coldpress.model.classifier import Classifier
from coldpress.quantization.core.convert import (
    build_quantized_embedding,
    build_quantized_linear,
    replace_modules,
)
from coldpress.quantization.core.kbit import best_scale, round_weight


class WeightRounder:
    """Rounds the weights of a classifier and searches each scale only once.

    A linear module has one scale per row, a table one per column.
    """

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self._scales: dict[tuple[str, int], Tensor] = {}

    def integers(self, path: str, bits: int) -> tuple[Tensor, Tensor]:
        """Round one weight.

        Args:
            path: Path of a linear module or table.
            bits: From 1 to 8.

        Returns:
            int8 of the weight's shape, and float32 scales that broadcast to it.
        """
        module = self._classifier.module.get_submodule(path)
        weight = cast("nn.Linear | nn.Embedding", module).weight.detach()
        if isinstance(module, nn.Embedding):
            integers, scale = self._round(path, weight.T, bits)
            return integers.T.contiguous(), scale.T
        return self._round(path, weight, bits)

    def quantize(self, bits: Mapping[str, int]) -> Classifier:
        """Quantize all weights.

        Args:
            bits: Bits of each linear module and table, by path.

        Returns:
            A classifier that computes what ONNX Runtime will compute.
        """

        def linear(path: str, source: nn.Linear) -> nn.Module:
            return build_quantized_linear(source, *self.integers(path, bits[path]), bits=bits[path])

        def table(path: str, _: Tensor) -> nn.Module:
            integers, scale = self.integers(path, bits[path])
            return build_quantized_embedding(integers, scale.flatten(), bits=bits[path])

        return replace_modules(self._classifier, linear, table)

    def _round(self, path: str, weight: Tensor, bits: int) -> tuple[Tensor, Tensor]:
        if (path, bits) not in self._scales:
            self._scales[path, bits] = best_scale(weight, bits, "channel")
        scale = self._scales[path, bits]
        return round_weight(weight, scale, bits).to(torch.int8), scale
