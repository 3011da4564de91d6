"""Models of students without layers: their configurations and classes by family."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from torch import nn
from transformers import AutoConfig, PreTrainedConfig

from coldpress.model.architecture import CONVOLUTION, STATIC
from coldpress.model.convolutional_model import ConvolutionalConfig, ConvolutionalModel
from coldpress.model.static_model import StaticConfig, StaticModel

_CONFIGS: Mapping[str, type[PreTrainedConfig]] = {
    STATIC: StaticConfig,
    CONVOLUTION: ConvolutionalConfig,
}
_MODELS: Mapping[str, Callable[[Any], nn.Module]] = {
    STATIC: StaticModel,
    CONVOLUTION: ConvolutionalModel,
}


def register_configs() -> None:
    """Make transformers read the configurations of models without layers."""
    for family, config in _CONFIGS.items():
        AutoConfig.register(family, config, exist_ok=True)


def new_module_without_layers(config: Any) -> nn.Module:  # noqa: ANN401
    """Build a model without layers, with random weights.

    Args:
        config: A `StaticConfig` or a `ConvolutionalConfig`.
    """
    return _MODELS[config.model_type](config)
