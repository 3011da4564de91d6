"""Tracing of a graph's tensors to the modules whose weights they hold."""

from __future__ import annotations

from onnx import GraphProto

from coldpress.quantization.arithmetic.graph import NAME_SEPARATOR


def trace_weights(graph: GraphProto) -> dict[str, list[str]]:
    """Trace every tensor that is computed from constants only.

    Args:
        graph: Of an exported file.

    Returns:
        Paths of modules, in the order in which weights are concatenated, by the tensor's name.
    """
    weights = {constant.name: _weight_paths(constant.name) for constant in graph.initializer}
    for node in graph.node:
        inputs = [name for name in node.input if name]
        if all(name in weights for name in inputs):
            # The fields of one packed weight are several tensors.
            paths = list(dict.fromkeys(path for name in inputs for path in weights[name]))
            weights |= dict.fromkeys(node.output, paths)
    return weights


def _weight_paths(constant: str) -> list[str]:
    names = constant.split(NAME_SEPARATOR)
    return [name.removesuffix(".weight") for name in names if name.endswith(".weight")]
