"""Search for the node that multiplies by a module's weight."""

from __future__ import annotations

from onnx import ModelProto, NodeProto
from torch import nn

from coldpress.errors import ParityError
from coldpress.onnx.graph.weights import trace_weights
from coldpress.quantization.arithmetic.arithmetic import LinearLowering
from coldpress.quantization.arithmetic.table import find_arithmetic, modules_with_weights


def rounding_lowerings(root: nn.Module) -> dict[str, LinearLowering]:
    """Return the lowerings of the linear modules that round numbers.

    Args:
        root: A classifier's module.

    Returns:
        Lowerings with operators, by the module's path.
    """
    lowerings = {
        path: find_arithmetic(path, module).lowering
        for path, module in modules_with_weights(root).items()
    }
    return {
        path: lowering
        for path, lowering in lowerings.items()
        if isinstance(lowering, LinearLowering) and lowering.operators
    }


def find_products(model: ModelProto, root: nn.Module) -> dict[str, NodeProto]:
    """Find the node that multiplies by each module's weight.

    Args:
        model: The exported graph.
        root: The classifier's module.

    Returns:
        Nodes by the module's path, for linear modules that round numbers.

    Raises:
        ParityError: A module has no such node.
    """
    operators = {p: lowering.operators for p, lowering in rounding_lowerings(root).items()}
    weights = trace_weights(model.graph)
    products = {
        path: node
        for node in model.graph.node
        if len(node.input) > 1
        for path in weights.get(node.input[1], ())
        if node.op_type in operators.get(path, ())
    }
    if missing := operators.keys() - products.keys():
        path = min(missing)
        names = " or ".join(sorted(operators[path]))
        raise ParityError(f"{path}: no {names} of the ONNX file multiplies by its weight")
    return products
