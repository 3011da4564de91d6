"""The operator MatMulNBits."""

from __future__ import annotations

from coldpress.quantization.arithmetic.block_linear.module import ATTRIBUTES, BlockLinear
from coldpress.quantization.arithmetic.block_linear.storage import pack_blocks
from coldpress.quantization.arithmetic.graph import (
    Activation,
    GraphBuilder,
    GraphTensor,
    ModulesByPath,
    add_biases,
    add_joined,
)

OPERATOR = "MatMulNBits"
WEIGHT = GraphTensor(axis=0)
"""Of shape (sum of out, blocks, bytes per block)."""
SCALE = GraphTensor(layout=lambda value: value.flatten())


def add_product(graph: GraphBuilder, activation: Activation, modules: ModulesByPath) -> str:
    """Add one MatMulNBits for modules with the same input.

    Args:
        graph: The graph under construction.
        activation: The modules' input, float32 of shape (..., in).
        modules: `BlockLinear` modules by path.

    Returns:
        Name of a float32 tensor of shape (..., sum of out).
    """
    bias = add_biases(graph, modules)
    packed = [pack_blocks(module) for module in modules.values()]
    weight = add_joined(graph, modules, "weight", packed, WEIGHT)
    scales = [module.scale.numpy() for module in modules.values()]
    scale = add_joined(graph, modules, "scale", scales, SCALE)
    first: BlockLinear = next(iter(modules.values()))
    return graph.node(
        f"com.microsoft.{OPERATOR}",
        [activation.values, weight, scale, "", "", bias],
        K=first.in_features,
        N=sum(module.out_features for module in modules.values()),
        **{name: int(first.get_buffer(name)) for name in ATTRIBUTES},
    )
