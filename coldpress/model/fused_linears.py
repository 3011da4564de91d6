"""Fused linear modules, taken apart: a slice is a linear module of its own.

What looks for a layer's queries finds a linear module then, in this family as in any other, and can
watch it, shorten it, or put another in its place. Files of float32 weights are written as the
family fuses them.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from coldpress.model.architecture import FIRST_NORM, Architecture

_PARAMETERS = ("weight", "bias")


class ConcatLinear(nn.Module):
    """Linear modules that read one input, their outputs one beside the other."""

    def __init__(self, slices: Mapping[str, nn.Linear]) -> None:
        super().__init__()
        for name, linear in slices.items():
            self.add_module(name, linear)

    def forward(self, activation: Tensor) -> Tensor:
        """Map what arrives by every slice.

        Args:
            activation: Shape (..., in).

        Returns:
            Shape (..., out of all together), as the fused module gives it.
        """
        return torch.cat([linear(activation) for linear in self.children()], dim=-1)


def unfuse_linears(layers: nn.ModuleList, table: Architecture, config: Any) -> None:  # noqa: ANN401
    """Bring layers into the form that the architecture table describes.

    Args:
        layers: Changed in place, unless they have this form already.
        table: Of their family.
        config: The transformers configuration.
    """
    for layer in layers:
        for path, names in table.fused.items():
            whole = layer.get_submodule(path)
            if isinstance(whole, nn.Linear):
                layer.set_submodule(path, ConcatLinear(_split_linear(whole, names)))
    norm = layers[0].get_submodule(table.attention_norm)
    if getattr(config, FIRST_NORM, False) and isinstance(norm, nn.Identity):
        another = copy.deepcopy(layers[0].get_submodule(table.output_norm))
        layers[0].set_submodule(table.attention_norm, another)


def _split_linear(whole: nn.Linear, names: Sequence[str]) -> dict[str, nn.Linear]:
    weights = whole.weight.detach().chunk(len(names))
    biases = [None] * len(names) if whole.bias is None else whole.bias.detach().chunk(len(names))
    slices = {}
    for name, weight, bias in zip(names, weights, biases, strict=True):
        linear = nn.Linear(whole.in_features, len(weight), bias=bias is not None, device="meta")
        linear.weight = nn.Parameter(weight.clone())
        if bias is not None:
            linear.bias = nn.Parameter(bias.clone())
        slices[name] = linear
    return slices


def fuse_state_dict(module: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Lay the slices of a state together.

    Args:
        module: A classifier's.
        state: Tensors by name.

    Returns:
        The state as the family's own modules name it.
    """
    joined = dict(state)
    for path, slices in _concat_linears(module):
        for kind in _PARAMETERS:
            names = [f"{path}.{each}.{kind}" for each in slices]
            if names[0] in joined:
                joined[f"{path}.{kind}"] = torch.cat([joined.pop(name) for name in names])
    return joined


def unfuse_state_dict(module: nn.Module, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Undo `fused`.

    Args:
        module: A classifier's.
        state: Tensors by name; slices that are apart already stay so.

    Returns:
        The state as the classifier's modules name it.
    """
    apart = dict(state)
    for path, slices in _concat_linears(module):
        for kind in _PARAMETERS:
            if f"{path}.{kind}" in apart:
                parts = apart.pop(f"{path}.{kind}").chunk(len(slices))
                names = (f"{path}.{each}.{kind}" for each in slices)
                apart.update(zip(names, parts, strict=True))
    return apart


def _concat_linears(module: nn.Module) -> Iterator[tuple[str, list[str]]]:
    for path, each in module.named_modules():
        if isinstance(each, ConcatLinear):
            yield path, [name for name, _ in each.named_children()]
