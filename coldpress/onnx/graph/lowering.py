"""Lowering of torch modules, in float32 or integers, to ONNX operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from onnx import TensorProto
from torch import Tensor, nn

from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.graph.matmul import Activation, add_matmul, add_table, add_tensor, join_names
from coldpress.quantization.core.modules import QuantizedEmbedding, QuantizedLinear

SHARED_TENSORS = (
    "activation_scale",
    "activation_zero_point",
    "activation_shift",
    "activation_largest",
    "input_scale",
)
"""Tensors shared by modules with the same input; one constant has all of their names."""


class Lowering:
    """Adds a classifier's modules to a graph, by path.

    Attributes:
        graph: The graph under construction.
    """

    def __init__(self, graph: Graph, module: nn.Module) -> None:
        self.graph = graph
        self._module = module
        self._paths = {path for path, _ in module.named_modules()}

    def has(self, path: str) -> bool:
        """Return whether there is a module at a path.

        Args:
            path: Dotted module path.

        Returns:
            False where a family, or this model of it, lacks the module.
        """
        return path in self._paths

    def padding(self, path: str) -> int:
        """Return the padding token id of an embeddings module.

        Args:
            path: Path of the module.

        Returns:
            An index into the token table.
        """
        return int(cast("Any", self._module.get_submodule(path)).padding_idx)

    def activation(self, values: str, paths: Sequence[str]) -> Activation:
        """Prepare an activation as input of linear modules.

        Args:
            values: Name of a float32 tensor.
            paths: Modules that read it; they share one range, which `parity` checks.

        Returns:
            The activation, quantized if the modules compute with integers.
        """
        module = self._module.get_submodule(paths[0])
        if not isinstance(module, QuantizedLinear):
            return Activation(values)
        values = self._scale_and_shift(values, paths, module)
        step = module.activation_scale
        zero_point = module.activation_zero_point
        if step is None or zero_point is None:
            return Activation(*self.graph.nodes("DynamicQuantizeLinear", [values], 3))
        scale = self._constant(join_names(paths, "activation_scale"), step)
        zero = self._constant(join_names(paths, "activation_zero_point"), zero_point)
        rounded = self.graph.node("QuantizeLinear", [values, scale, zero])
        if module.activation_largest is not None:
            largest = self._constant(
                join_names(paths, "activation_largest"), module.activation_largest
            )
            rounded = self.graph.node("Clip", [rounded, "", largest])
        return Activation(rounded, scale, zero)

    def _scale_and_shift(self, values: str, paths: Sequence[str], module: QuantizedLinear) -> str:
        """Scale and shift the channels of an activation before it is rounded."""
        if module.input_scale is not None:
            smoothing = self._constant(join_names(paths, "input_scale"), module.input_scale)
            values = self.graph.node("Mul", [values, smoothing])
        if module.activation_shift is not None:
            shift = self._constant(join_names(paths, "activation_shift"), module.activation_shift)
            values = self.graph.node("Sub", [values, shift])
        return values

    def first_token(self, activation: Activation) -> Activation:
        """Select the first token of every row.

        Args:
            activation: Of shape (batch, tokens, width).

        Returns:
            The activation of shape (batch, 1, width).
        """
        start = self.graph.integers(0)
        end = self.graph.integers(1)
        first = self.graph.node("Slice", [activation.values, start, end, end])
        return replace(activation, values=first)

    def linear(self, values: str, path: str) -> str:
        """Add one linear module.

        Args:
            values: Name of a float32 tensor of shape (..., in).
            path: Path of the module.

        Returns:
            Name of a float32 tensor of shape (..., out).
        """
        return self.linears(self.activation(values, [path]), [path])[0]

    def linears(self, activation: Activation, paths: Sequence[str]) -> list[str]:
        """Add linear modules that share their input as one multiplication.

        Args:
            activation: Their input, of shape (batch, tokens, in).
            paths: Paths of the modules.

        Returns:
            Names of float32 tensors of shape (batch, tokens, out), one per module.
        """
        modules = {path: cast("Any", self._module.get_submodule(path)) for path in paths}
        out = add_matmul(self.graph, activation, modules)
        if len(paths) == 1:
            return [out]
        widths = self.graph.integers(*(module.out_features for module in modules.values()))
        return self.graph.nodes("Split", [out, widths], len(paths), axis=2)

    def embedding(self, indices: str, path: str) -> str:
        """Look up rows of a table, and scale only these rows.

        Args:
            indices: Name of an int64 tensor.
            path: Path of the table.

        Returns:
            Name of a float32 tensor of shape (*indices, width).
        """
        return self._scale_rows(self.graph.node("Gather", [self._table(path), indices]), path)

    def leading_rows(self, count: str, path: str) -> str:
        """Return the first rows of a table.

        Args:
            count: Name of an int64 tensor of shape (1,).
            path: Path of the table.

        Returns:
            Name of a float32 tensor of shape (count, width).
        """
        rows = self.graph.node("Slice", [self._table(path), self.graph.integers(0), count])
        return self._scale_rows(rows, path)

    def norm(self, summands: Sequence[str], path: str) -> str:
        """Add a layer normalization of a sum.

        Args:
            summands: Names of float32 tensors of one shape.
            path: Path of the normalization, or of the identity of a layer without one.

        Returns:
            Name of a tensor of that shape.
        """
        module = self._module.get_submodule(path)
        total = self.graph.total(summands)
        if not isinstance(module, nn.LayerNorm):
            return total
        # A gain and, in some families, a bias.
        weights = [self._constant(f"{path}.{n}", value) for n, value in module.named_parameters()]
        return self.graph.node("LayerNormalization", [total, *weights], axis=-1, epsilon=module.eps)

    def _table(self, path: str) -> str:
        module = cast("nn.Embedding | QuantizedEmbedding", self._module.get_submodule(path))
        return add_table(self.graph, path, module)

    def _scale_rows(self, rows: str, path: str) -> str:
        module = self._module.get_submodule(path)
        if not isinstance(module, QuantizedEmbedding):
            return rows
        # DequantizeLinear with a scale per column takes twice as long (ONNX Runtime 1.31).
        values = self.graph.node("Cast", [rows], to=TensorProto.FLOAT)
        scale = self._constant(f"{path}.scale", module.scale)
        return self.graph.node("Mul", [values, scale])

    def _constant(self, name: str, tensor: Tensor) -> str:
        return add_tensor(self.graph, name, tensor)
