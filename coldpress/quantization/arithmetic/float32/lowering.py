"""Operators of float32 modules."""

from __future__ import annotations

from torch import nn

from coldpress.quantization.arithmetic.graph import (
    Activation,
    GraphBuilder,
    GraphTensor,
    HeadsAndMask,
    ModulesByPath,
    add_biases,
    add_joined,
    add_tensor,
)

WEIGHT = GraphTensor(layout=lambda value: value.T)


def add_product(graph: GraphBuilder, activation: Activation, modules: ModulesByPath) -> str:
    """Add one matrix product for modules with the same input, with their biases if they have any.

    Args:
        graph: The graph under construction.
        activation: The modules' input, of shape (..., in).
        modules: Linear modules by path.

    Returns:
        Name of a float32 tensor of shape (..., sum of out).
    """
    bias = add_biases(graph, modules)
    out = graph.node("MatMul", [activation.values, _add_weights(graph, modules)])
    return graph.node("Add", [out, bias]) if bias else out


def add_attention(
    graph: GraphBuilder, activation: Activation, modules: ModulesByPath, attention: HeadsAndMask
) -> str:
    """Add projections and attention as one operator.

    Args:
        graph: The graph under construction.
        activation: The modules' input, of shape (batch, tokens, in).
        modules: Of queries, keys and values, by path.
        attention: Heads and mask.

    Returns:
        Name of a float32 tensor of shape (batch, tokens, out).
    """
    bias = add_biases(graph, modules)
    return graph.node(
        "com.microsoft.Attention",
        [activation.values, _add_weights(graph, modules), bias, attention.padding],
        num_heads=attention.heads,
        mask_filter_value=attention.masked_score,
    )


def add_table(graph: GraphBuilder, path: str, module: nn.Embedding) -> str:
    """Add an embedding table.

    Args:
        graph: The graph under construction.
        path: Path of the table.
        module: The table.

    Returns:
        Name of a float32 tensor of shape (rows, width).
    """
    return add_tensor(graph, f"{path}.weight", module.weight)


def keep_rows(graph: GraphBuilder, rows: str, path: str, module: nn.Embedding) -> str:  # noqa: ARG001
    """Return rows as they are.

    Args:
        graph: The graph under construction.
        rows: Name of a float32 tensor.
        path: Path of the table.
        module: The table.

    Returns:
        The name.
    """
    return rows


def _add_weights(graph: GraphBuilder, modules: ModulesByPath) -> str:
    """Add the concatenated weights, of shape (in, sum of out)."""
    weights = [module.weight.detach().numpy() for module in modules.values()]
    return add_joined(graph, modules, "weight", weights, WEIGHT)
