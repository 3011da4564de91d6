"""Activations times weights, in float32, in integers or block by block, as ONNX operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from coldpress.onnx.graph.builder import MICROSOFT, NAME_SEPARATOR, Graph
from coldpress.onnx.graph.unpacking import add_unpacking
from coldpress.quantization.core.blocks import ATTRIBUTES, BlockLinear, pack_blocks
from coldpress.quantization.core.modules import QuantizedEmbedding, QuantizedLinear
from coldpress.quantization.core.packing import BYTE_BITS, pack

ModulesByPath = Mapping[str, Any]
"""Linear modules of one kind that share their input, by their paths."""


@dataclass(frozen=True)
class Activation:
    """What arrives at linear modules.

    Attributes:
        values: Name of the tensor: float32, or uint8 beside a scale.
        scale: Name of its step; empty for float32.
        zero_point: Name of the integer that stands for zero; empty for float32.
    """

    values: str
    scale: str = ""
    zero_point: str = ""


def add_matmul(graph: Graph, activation: Activation, modules: ModulesByPath) -> str:
    """Add one multiplication for modules that lie side by side, and biases if they have any.

    Args:
        graph: What it is added to.
        activation: What arrives, of shape (..., in).
        modules: Linear modules.

    Returns:
        Name of a float32 tensor of shape (..., out of all together).
    """
    biases = [module.bias for module in modules.values() if module.bias is not None]
    bias = _add_concatenated(graph, modules, "bias", biases) if biases else ""
    if isinstance(next(iter(modules.values())), BlockLinear):
        return _add_blockwise_matmul(graph, activation, modules, bias)
    weight = _add_weights(graph, modules)
    if not activation.scale:
        out = graph.node("MatMul", [activation.values, weight])
        return graph.node("Add", [out, bias]) if bias else out
    scale = _add_scales(graph, modules)
    steps = [activation.scale, scale, activation.zero_point, ""]
    operator = f"{MICROSOFT}.MatMulIntegerToFloat"
    return graph.node(operator, [activation.values, weight, *steps, bias])


def add_table(graph: Graph, path: str, module: nn.Embedding | QuantizedEmbedding) -> str:
    """Add an embedding table, unpacked if it is packed.

    Args:
        graph: What it is added to.
        path: Of the table.
        module: The table.

    Returns:
        Name of a tensor of shape (rows, width), float32 or int8.
    """
    if _is_packed(module):
        return _add_unpacked(graph, path, module)
    return add_tensor(graph, f"{path}.weight", module.weight)


def add_tensor(graph: Graph, name: str, tensor: Tensor) -> str:
    """Add a tensor of a module under its name.

    Args:
        graph: What it is added to.
        name: Unique in the graph.
        tensor: Of any kind.

    Returns:
        The name.
    """
    return graph.constant(name, tensor.detach().numpy())


def join_names(paths: Sequence[str], name: str) -> str:
    """Return the name of what modules have side by side, or in common.

    Args:
        paths: The modules.
        name: Of their tensor.

    Returns:
        A name that tells all of them.
    """
    return NAME_SEPARATOR.join(f"{path}.{name}" for path in paths)


def _add_blockwise_matmul(
    graph: Graph, activation: Activation, modules: ModulesByPath, bias: str
) -> str:
    """Blocks of rows lie one above the other: (out of all together, blocks, bytes)."""
    packed = torch.cat([torch.from_numpy(pack_blocks(m)) for m in modules.values()])
    weight = add_tensor(graph, join_names(list(modules), "weight"), packed)
    first: BlockLinear = next(iter(modules.values()))
    return graph.node(
        f"{MICROSOFT}.MatMulNBits",
        [activation.values, weight, _add_scales(graph, modules), "", "", bias],
        K=first.in_features,
        N=len(packed),
        **{name: int(first.get_buffer(name)) for name in ATTRIBUTES},
    )


def _add_weights(graph: Graph, modules: ModulesByPath) -> str:
    """Lay weights side by side: (in, out of all together)."""
    if not any(map(_is_packed, modules.values())):
        return _add_concatenated(graph, modules, "weight", [m.weight.T for m in modules.values()])
    parts = [_add_weight(graph, path, module) for path, module in modules.items()]
    return parts[0] if len(parts) == 1 else graph.node("Concat", parts, axis=1)


def _add_weight(graph: Graph, path: str, module: QuantizedLinear) -> str:
    if not _is_packed(module):
        return add_tensor(graph, f"{path}.weight", module.weight.T)
    return graph.node("Transpose", [_add_unpacked(graph, path, module)], perm=[1, 0])


def _add_unpacked(graph: Graph, path: str, module: Any) -> str:  # noqa: ANN401
    packed = pack(module.weight.numpy(), module.bits)
    return add_unpacking(graph, f"{path}.weight", packed, module.weight.shape)


def _add_scales(graph: Graph, modules: ModulesByPath) -> str:
    return _add_concatenated(graph, modules, "scale", [m.scale.flatten() for m in modules.values()])


def _add_concatenated(
    graph: Graph, modules: ModulesByPath, name: str, tensors: Sequence[Tensor]
) -> str:
    return add_tensor(graph, join_names(list(modules), name), torch.cat(tuple(tensors), dim=-1))


def _is_packed(module: nn.Module) -> bool:
    return isinstance(module, QuantizedLinear | QuantizedEmbedding) and module.bits < BYTE_BITS
