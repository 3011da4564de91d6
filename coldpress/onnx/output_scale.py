"""The constants of the last product of a graph, which the logits are proportional to."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import numpy_helper

_SCALE_AND_BIAS: Mapping[str, tuple[int, ...]] = {
    "MatMulIntegerToFloat": (3, 6),
    "DynamicQuantizeMatMul": (2, 4),
    "MatMulNBits": (2, 5),
    "MatMul": (1,),
    "Add": (1,),
}
"""Inputs that a product is proportional to, by operator; of `Add` with its first input."""


def output_scales(model: onnx.ModelProto) -> list[str]:
    """Return the constants that the logits are proportional to, taken together.

    Args:
        model: An exported graph.

    Returns:
        Names of float32 constants of the output head; empty if there are none, as with weights
        that the graph computes.
    """
    producers = {output: node for node in model.graph.node for output in node.output}
    constants = {constant.name for constant in model.graph.initializer}
    node = producers["logits"]
    nodes = [node, producers[node.input[0]]] if node.op_type == "Add" else [node]
    names = [
        n.input[place]
        for n in nodes
        for place in _SCALE_AND_BIAS.get(n.op_type, ())
        if place < len(n.input) and n.input[place]
    ]
    supported = all(n.op_type in _SCALE_AND_BIAS for n in nodes)
    return names if supported and constants.issuperset(names) else []


def divide_logits(model: onnx.ModelProto, divisor: float) -> bool:
    """Divide the logits of a graph by a number, without a further operator.

    Args:
        model: An exported graph; its constants are changed.
        divisor: The number.

    Returns:
        False if the logits are proportional to no constants; nothing is changed then.
    """
    scales = set(output_scales(model))
    for constant in model.graph.initializer:
        if constant.name in scales:
            values = numpy_helper.to_array(constant) / np.float32(divisor)
            constant.CopyFrom(numpy_helper.from_array(values, constant.name))
    return bool(scales)
