"""One torch module after another, in float32 or in integers, to ONNX operators."""

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
"""What modules that share their input have in common: one constant bears all of their names."""


class Lowering:
    """Adds a classifier's modules to a graph, each by its path.

    Attributes:
        graph: What they are added to.
    """

    def __init__(self, graph: Graph, module: nn.Module) -> None:
        self.graph = graph
        self._module = module
        self._paths = {path for path, _ in module.named_modules()}

    def has(self, path: str) -> bool:
        """Whether there is a module at a path.

        Args:
            path: Dotted.

        Returns:
            False where a family, or this model of it, lacks the part.
        """
        return path in self._paths

    def padding(self, path: str) -> int:
        """Return the token id that a module of tables takes for padding.

        Args:
            path: The module.

        Returns:
            An index into the token table.
        """
        return int(cast("Any", self._module.get_submodule(path)).padding_idx)

    def activation(self, values: str, paths: Sequence[str]) -> Activation:
        """Bring an activation into the form that linear modules multiply.

        Args:
            values: Name of a float32 tensor.
            paths: The modules that it arrives at; they have one range, which `parity` checks.

        Returns:
            The activation, rounded if the modules compute with integers.
        """
        module = self._module.get_submodule(paths[0])
        if not isinstance(module, QuantizedLinear):
            return Activation(values)
        values = self._prepared(values, paths, module)
        step, zero_point = module.activation_scale, module.activation_zero_point
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

    def _prepared(self, values: str, paths: Sequence[str], module: QuantizedLinear) -> str:
        """Scale and shift the channels of an activation before it is rounded."""
        if module.input_scale is not None:
            smoothing = self._constant(join_names(paths, "input_scale"), module.input_scale)
            values = self.graph.node("Mul", [values, smoothing])
        if module.activation_shift is not None:
            shift = self._constant(join_names(paths, "activation_shift"), module.activation_shift)
            values = self.graph.node("Sub", [values, shift])
        return values

    def first_token(self, activation: Activation) -> Activation:
        """Keep the first token of every row.

        Args:
            activation: Of shape (batch, tokens, width).

        Returns:
            The same of shape (batch, 1, width).
        """
        zero, one = self.graph.integers(0), self.graph.integers(1)
        first = self.graph.node("Slice", [activation.values, zero, one, one])
        return replace(activation, values=first)

    def linear(self, values: str, path: str) -> str:
        """Add one linear module.

        Args:
            values: Name of a float32 tensor of shape (..., in).
            path: The module.

        Returns:
            Name of a float32 tensor of shape (..., out).
        """
        return self.linears(self.activation(values, [path]), [path])[0]

    def linears(self, activation: Activation, paths: Sequence[str]) -> list[str]:
        """Add linear modules that share their input as one multiplication.

        Args:
            activation: What arrives, of shape (batch, tokens, in).
            paths: The modules.

        Returns:
            Names of float32 tensors of shape (batch, tokens, out), one a module.
        """
        modules = {path: cast("Any", self._module.get_submodule(path)) for path in paths}
        out = add_matmul(self.graph, activation, modules)
        if len(paths) == 1:
            return [out]
        widths = self.graph.integers(*(module.out_features for module in modules.values()))
        return self.graph.nodes("Split", [out, widths], len(paths), axis=2)

    def embedding(self, indices: str, path: str) -> str:
        """Look rows of a table up, and scale these rows alone.

        Args:
            indices: Name of an int64 tensor.
            path: The table.

        Returns:
            Name of a float32 tensor of shape (*indices, width).
        """
        return self._scaled(self.graph.node("Gather", [self._table(path), indices]), path)

    def leading_rows(self, count: str, path: str) -> str:
        """Take the first rows of a table.

        Args:
            count: Name of an int64 tensor of shape (1,).
            path: The table.

        Returns:
            Name of a float32 tensor of shape (count, width).
        """
        rows = self.graph.node("Slice", [self._table(path), self.graph.integers(0), count])
        return self._scaled(rows, path)

    def norm(self, summands: Sequence[str], path: str) -> str:
        """Add a layer normalization of a sum.

        Args:
            summands: Names of float32 tensors of one shape.
            path: The normalization, or a place where a layer has none.

        Returns:
            Name of a tensor of that shape.
        """
        module, total = self._module.get_submodule(path), self.graph.total(summands)
        if not isinstance(module, nn.LayerNorm):
            return total
        # A gain, and perhaps a bias.
        gains = [self._constant(f"{path}.{n}", value) for n, value in module.named_parameters()]
        kind = "LayerNormalization"
        return self.graph.node(kind, [total, *gains], axis=-1, epsilon=module.eps)

    def _table(self, path: str) -> str:
        module = cast("nn.Embedding | QuantizedEmbedding", self._module.get_submodule(path))
        return add_table(self.graph, path, module)

    def _scaled(self, rows: str, path: str) -> str:
        module = self._module.get_submodule(path)
        if not isinstance(module, QuantizedEmbedding):
            return rows
        # DequantizeLinear with a scale a column takes twice as long as these two (version 1.31).
        values = self.graph.node("Cast", [rows], to=TensorProto.FLOAT)
        scale = self._constant(f"{path}.scale", module.scale)
        return self.graph.node("Mul", [values, scale])

    def _constant(self, name: str, tensor: Tensor) -> str:
        return add_tensor(self.graph, name, tensor)
