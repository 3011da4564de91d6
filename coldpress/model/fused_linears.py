"""Split fused linear modules (such as Wqkv) in memory, and fuse them again in files.

Every slice is a linear module of its own, so that code which hooks, prunes or replaces a layer's
queries works for every family. float32 checkpoints store the family's fused weights.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coldpress.model.architecture import FIRST_NORM
from coldpress.model.components import Architecture

_PARAMETERS = ("weight", "bias")


class ConcatLinear(nn.Module):
    """Linear modules with one input whose outputs are concatenated."""

    def __init__(self, slices: Mapping[str, nn.Linear]) -> None:
        super().__init__()
        for name, linear in slices.items():
            self.add_module(name, linear)

    def forward(self, activation: Tensor) -> Tensor:
        """Apply every slice and concatenate the outputs.

        Args:
            activation: Shape (..., in).

        Returns:
            Shape (..., sum of the slices' outputs), equal to the output of the fused module.
        """
        return torch.cat([linear(activation) for linear in self.children()], dim=-1)


def unfuse_linears(layers: nn.ModuleList, table: Architecture, config: Any) -> None:  # noqa: ANN401
    """Split the fused linear modules of layers as the architecture table describes.

    Args:
        layers: Changed in place; modules that are split already stay as they are.
        table: The architecture of their family.
        config: The transformers configuration.
    """
    for layer in layers:
        for path, names in table.fused.items():
            fused = layer.get_submodule(path)
            if isinstance(fused, nn.Linear):
                layer.set_submodule(path, ConcatLinear(_split_linear(fused, names)))
    norm = layers[0].get_submodule(table.norms.attention)
    if getattr(config, FIRST_NORM, False) and isinstance(norm, nn.Identity):
        # transformers builds the first layer without this norm; its weights are loaded later.
        new_norm = copy.deepcopy(layers[0].get_submodule(table.norms.feed_forward))
        layers[0].set_submodule(table.norms.attention, new_norm)


def _split_linear(fused: nn.Linear, names: Sequence[str]) -> dict[str, nn.Linear]:
    weights = fused.weight.detach().chunk(len(names))
    biases = [None] * len(names) if fused.bias is None else fused.bias.detach().chunk(len(names))
    slices = {}
    for name, weight, bias in zip(names, weights, biases, strict=True):
        linear = nn.Linear(fused.in_features, len(weight), bias=bias is not None, device="meta")
        linear.weight = nn.Parameter(weight.clone())
        if bias is not None:
            linear.bias = nn.Parameter(bias.clone())
        slices[name] = linear
    return slices


def fuse_state_dict(module: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Concatenate the weights of slices.

    Args:
        module: A classifier's module, which says what is fused in its family.
        state: Tensors by name.

    Returns:
        The state dict of the family's original module.
    """
    result = dict(state)
    for path, slices in _concat_linears(module):
        for parameter in _PARAMETERS:
            names = [f"{path}.{name}.{parameter}" for name in slices]
            if names[0] in result:
                result[f"{path}.{parameter}"] = torch.cat([result.pop(name) for name in names])
    return result


def unfuse_state_dict(module: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Split fused weights: the inverse of `fuse_state_dict`.

    Args:
        module: A classifier's module, which says what is fused in its family.
        state: Tensors by name; slices that are split already stay as they are.

    Returns:
        The state dict of the classifier's module.
    """
    result = dict(state)
    for path, slices in _concat_linears(module):
        for parameter in _PARAMETERS:
            if f"{path}.{parameter}" in result:
                parts = result.pop(f"{path}.{parameter}").chunk(len(slices))
                names = (f"{path}.{name}.{parameter}" for name in slices)
                result.update(zip(names, parts, strict=True))
    return result


def _concat_linears(module: nn.Module) -> Iterator[tuple[str, list[str]]]:
    """Yield the path and the slice names of every split linear module."""
    for path, submodule in module.named_modules():
        if isinstance(submodule, ConcatLinear):
            yield path, [name for name, _ in submodule.named_children()]
