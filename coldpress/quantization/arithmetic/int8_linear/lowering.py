"""The operators of integer products, and the rounding of their input."""

from __future__ import annotations

from coldpress.quantization.arithmetic.arithmetic import Producers
from coldpress.quantization.arithmetic.graph import (
    Activation,
    Array,
    GraphBuilder,
    GraphTensor,
    HeadsAndMask,
    ModulesByPath,
    add_biases,
    add_joined,
)
from coldpress.quantization.arithmetic.int8_linear.module import QuantizedLinear
from coldpress.quantization.arithmetic.packed_weights import is_packed, pack_weight
from coldpress.quantization.arithmetic.unpacking import add_unpacking
from coldpress.quantization.core.packing import BYTE_BITS

OPERATORS = frozenset({"MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QAttention"})
WEIGHT = GraphTensor(layout=lambda value: value if is_packed(value) else value.T)
SCALE = GraphTensor(layout=lambda value: value.flatten())
SHARED = GraphTensor(axis=None)
INPUT_TRANSFORMS = ("input_scale", "activation_shift")
"""Tensors that change the input before it is rounded."""
INPUT_TENSORS = (
    *INPUT_TRANSFORMS,
    "activation_scale",
    "activation_zero_point",
    "activation_largest",
)
"""Tensors shared by modules with the same input."""


def add_activation(graph: GraphBuilder, values: str, modules: ModulesByPath) -> Activation:
    """Round the input of modules to uint8.

    Args:
        graph: The graph under construction.
        values: Name of a float32 tensor.
        modules: Modules that read it; they share one range, which `parity` checks.

    Returns:
        The integers with their scale and zero point.
    """
    module: QuantizedLinear = next(iter(modules.values()))
    values = _scale_and_shift(graph, values, modules)
    if module.activation_scale is None:
        return Activation(*graph.nodes("DynamicQuantizeLinear", [values], 3))
    scale = _add_shared(graph, modules, "activation_scale")
    zero_point = _add_shared(graph, modules, "activation_zero_point")
    rounded = graph.node("QuantizeLinear", [values, scale, zero_point])
    if largest := _add_shared(graph, modules, "activation_largest"):
        rounded = graph.node("Clip", [rounded, "", largest])
    return Activation(rounded, scale, zero_point)


def add_product(graph: GraphBuilder, activation: Activation, modules: ModulesByPath) -> str:
    """Add one matrix product of integers for modules with the same input.

    Args:
        graph: The graph under construction.
        activation: Returned by `add_activation`, of shape (..., in).
        modules: `QuantizedLinear` modules by path.

    Returns:
        Name of a float32 tensor of shape (..., sum of out).
    """
    weight, scale, bias = _add_tensors(graph, modules)
    steps = [activation.scale, scale, activation.zero_point, ""]
    inputs = [activation.values, weight, *steps, bias]
    return graph.node("com.microsoft.MatMulIntegerToFloat", inputs)


def add_linear(graph: GraphBuilder, values: str, modules: ModulesByPath) -> str:
    """Add rounding and product, as one operator where the range is measured in each call.

    Args:
        graph: The graph under construction.
        values: Name of a float32 tensor of shape (..., in).
        modules: `QuantizedLinear` modules by path.

    Returns:
        Name of a float32 tensor of shape (..., sum of out).
    """
    if next(iter(modules.values())).activation_scale is not None:
        return add_product(graph, add_activation(graph, values, modules), modules)
    values = _scale_and_shift(graph, values, modules)
    weight, scale, bias = _add_tensors(graph, modules)
    return graph.node("com.microsoft.DynamicQuantizeMatMul", [values, weight, scale, "", bias])


def add_attention(
    graph: GraphBuilder, activation: Activation, modules: ModulesByPath, attention: HeadsAndMask
) -> str:
    """Add projections and attention as one operator, which saves 4 to 5 % of a model's time.

    Args:
        graph: The graph under construction.
        activation: Returned by `add_activation`, of shape (batch, tokens, in).
        modules: Of queries, keys and values, by path.
        attention: Heads and mask.

    Returns:
        Name of a float32 tensor of shape (batch, tokens, out).
    """
    weight, scale, bias = _add_tensors(graph, modules)
    steps = [activation.scale, scale, attention.padding, activation.zero_point]
    return graph.node(
        "com.microsoft.QAttention",
        [activation.values, weight, bias, *steps],
        num_heads=attention.heads,
        mask_filter_value=attention.masked_score,
    )


def unrounded_input(multiplied: str, producers: Producers) -> str:
    """Return the name of the tensor that is rounded, before its channels are scaled or shifted.

    Args:
        multiplied: First input of one of `OPERATORS`.
        producers: The graph's nodes by their outputs.

    Returns:
        Name of a float32 tensor.
    """
    rounded = multiplied
    while producers[rounded].op_type in {"Clip", "QuantizeLinear", "DynamicQuantizeLinear"}:
        rounded = producers[rounded].input[0]
    while (before := producers[rounded]).op_type in {"Mul", "Sub"} and before.input[1].endswith(
        INPUT_TRANSFORMS
    ):
        rounded = before.input[0]
    return str(rounded)


def _scale_and_shift(graph: GraphBuilder, values: str, modules: ModulesByPath) -> str:
    """Scale and shift the channels of an activation before it is rounded."""
    if factors := _add_shared(graph, modules, "input_scale"):
        values = graph.node("Mul", [values, factors])
    if shift := _add_shared(graph, modules, "activation_shift"):
        values = graph.node("Sub", [values, shift])
    return values


def _add_shared(graph: GraphBuilder, modules: ModulesByPath, name: str) -> str:
    """Add a tensor that the modules share; return an empty name if they have none."""
    tensor = getattr(next(iter(modules.values())), name)
    return "" if tensor is None else add_joined(graph, modules, name, [tensor.numpy()], SHARED)


def _add_tensors(graph: GraphBuilder, modules: ModulesByPath) -> tuple[str, str, str]:
    """Add the concatenated weights, scales and biases."""
    bias = add_biases(graph, modules)
    weight = _add_weights(graph, modules)
    scales = [module.scale.numpy() for module in modules.values()]
    return weight, add_joined(graph, modules, "scale", scales, SCALE), bias


def _add_weights(graph: GraphBuilder, modules: ModulesByPath) -> str:
    """Add the concatenated weights, of shape (in, sum of out)."""
    if all(module.bits == BYTE_BITS for module in modules.values()):
        weights = [module.weight.numpy() for module in modules.values()]
        return add_joined(graph, modules, "weight", weights, WEIGHT)
    parts = [_add_weight(graph, path, module) for path, module in modules.items()]
    return parts[0] if len(parts) == 1 else graph.node("Concat", parts, axis=1)


def _add_weight(graph: GraphBuilder, path: str, module: QuantizedLinear) -> str:
    stored: Array = pack_weight(module).numpy()
    if not is_packed(stored):
        return add_joined(graph, [path], "weight", [stored], WEIGHT)
    unpacked = add_unpacking(graph, f"{path}.weight", stored, module.weight.shape)
    return graph.node("Transpose", [unpacked], perm=[1, 0])
