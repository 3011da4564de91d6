"""Operators of float32 modules."""

from __future__ import annotations

from torch import nn

from coldpress.quantization.arithmetic.graph import (
    Activation,
    GraphBuilder,
    GraphTensor,
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
    weights = [module.weight.detach().numpy() for module in modules.values()]
    weight = add_joined(graph, modules, "weight", weights, WEIGHT)
    out = graph.node("MatMul", [activation.values, weight])
    return graph.node("Add", [out, bias]) if bias else out


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
