"""Matrix products in float32, int8 or blockwise integers as ONNX operators."""

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
"""Linear modules of one kind that share their input, by path."""


@dataclass(frozen=True)
class Activation:
    """Input of linear modules.

    Attributes:
        values: Name of the tensor, float32 or uint8.
        scale: Name of the scale; empty for float32.
        zero_point: Name of the zero point; empty for float32.
    """

    values: str
    scale: str = ""
    zero_point: str = ""


def add_matmul(graph: Graph, activation: Activation, modules: ModulesByPath) -> str:
    """Add one matrix product for modules with the same input, with their biases if they have any.

    Args:
        graph: The graph under construction.
        activation: The modules' input, of shape (..., in).
        modules: Linear modules by path.

    Returns:
        Name of a float32 tensor of shape (..., sum of out).
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
    """Add an embedding table, with unpacking operators if it is packed.

    Args:
        graph: The graph under construction.
        path: Path of the table.
        module: The table.

    Returns:
        Name of a tensor of shape (rows, width), float32 or int8.
    """
    if _is_packed(module):
        return _add_unpacked(graph, path, module)
    return add_tensor(graph, f"{path}.weight", module.weight)


def add_tensor(graph: Graph, name: str, tensor: Tensor) -> str:
    """Add a module's tensor as a constant.

    Args:
        graph: The graph under construction.
        name: Unique in the graph.
        tensor: Of any type and shape.

    Returns:
        The name.
    """
    return graph.constant(name, tensor.detach().numpy())


def join_names(paths: Sequence[str], name: str) -> str:
    """Return the name of a constant that modules share or that concatenates their tensors.

    Args:
        paths: Paths of the modules.
        name: Name of the tensor in each module.

    Returns:
        The joined names.
    """
    return NAME_SEPARATOR.join(f"{path}.{name}" for path in paths)


def _add_blockwise_matmul(
    graph: Graph, activation: Activation, modules: ModulesByPath, bias: str
) -> str:
    """Add MatMulNBits on packed weights of shape (sum of out, blocks, bytes per block)."""
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
    """Add the concatenated weights, of shape (in, sum of out)."""
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
