"""Lowering of torch modules of any arithmetic to ONNX operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import torch
from onnx import TensorProto
from torch import nn

from coldpress.onnx.graph.builder import Graph
from coldpress.onnx.graph.rms_norm import add_rms_norm
from coldpress.quantization.arithmetic.arithmetic import EmbeddingLowering, LinearLowering
from coldpress.quantization.arithmetic.graph import (
    Activation,
    HeadsAndMask,
    ModulesByPath,
    add_tensor,
)
from coldpress.quantization.arithmetic.table import find_arithmetic


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

    def activation(self, values: str, paths: Sequence[str]) -> Activation:
        """Prepare an activation as input of linear modules.

        Args:
            values: Name of a float32 tensor.
            paths: Modules that read it.

        Returns:
            The activation in the form that their arithmetic multiplies.
        """
        return self._linear_lowering(paths).activation(self.graph, values, self._modules(paths))

    def first_token(self, activation: Activation) -> Activation:
        """Select the first token of every row.

        Args:
            activation: Of shape (batch, tokens, width).

        Returns:
            The activation of shape (batch, 1, width).
        """
        return replace(activation, values=self.graph.slice_tokens(activation.values, 0, 1))

    def linear(self, values: str, path: str) -> str:
        """Add one linear module.

        Args:
            values: Name of a float32 tensor of shape (..., in).
            path: Path of the module.

        Returns:
            Name of a float32 tensor of shape (..., out).
        """
        return self.linears(values, [path])[0]

    def linears(self, values: str, paths: Sequence[str]) -> list[str]:
        """Add linear modules that share their input as one multiplication.

        Args:
            values: Name of a float32 tensor of shape (batch, tokens, in).
            paths: Paths of the modules.

        Returns:
            Names of float32 tensors of shape (batch, tokens, out), one per module.
        """
        linear = self._linear_lowering(paths).linear
        if linear is None:
            return self.products(self.activation(values, paths), paths)
        return self._split(linear(self.graph, values, self._modules(paths)), paths)

    def products(self, activation: Activation, paths: Sequence[str]) -> list[str]:
        """Add linear modules that share an input which is already prepared.

        Args:
            activation: Returned by `activation` or `first_token`, shape (batch, tokens, in).
            paths: Paths of the modules.

        Returns:
            Names of float32 tensors of shape (batch, tokens, out), one per module.
        """
        product = self._linear_lowering(paths).product
        return self._split(product(self.graph, activation, self._modules(paths)), paths)

    def attention(self, values: str, paths: Sequence[str], attention: HeadsAndMask) -> str:
        """Add attention with its projections, if their arithmetic has such an operator.

        Args:
            values: Name of a float32 tensor of shape (batch, tokens, in).
            paths: Modules of queries, keys and values.
            attention: Heads and mask.

        Returns:
            Name of a float32 tensor of shape (batch, tokens, out); empty without an operator.
        """
        add_attention = self._linear_lowering(paths).attention
        if add_attention is None:
            return ""
        activation = self.activation(values, paths)
        return add_attention(self.graph, activation, self._modules(paths), attention)

    def embedding(self, indices: str, path: str) -> str:
        """Look up rows of a table, and scale only these rows.

        Args:
            indices: Name of an int64 tensor.
            path: Path of the table.

        Returns:
            Name of a float32 tensor of shape (*indices, width).
        """
        module, lowering = self._embedding(path)
        table = lowering.table(self.graph, path, module)
        rows = self.graph.node("Gather", [table, indices])
        return lowering.scale_rows(self.graph, rows, path, module)

    def embedding_sum(self, indices: str, mask: str, path: str) -> str:
        """Look up rows of a table, and scale only their sum, which is exact for integers.

        Args:
            indices: Name of an int64 tensor of shape (batch, rows).
            mask: Name of an int64 tensor of that shape; 0 for rows to leave out, otherwise 1.
            path: Path of the table.

        Returns:
            Name of a float32 tensor of shape (batch, 1, width).
        """
        module, lowering = self._embedding(path)
        table = lowering.table(self.graph, path, module)
        rows = self.graph.node("Gather", [table, indices])
        is_float = cast("torch.Tensor", module.weight).is_floating_point()
        number = TensorProto.FLOAT if is_float else TensorProto.UINT8
        factors = self.graph.node("Cast", [mask], to=number)
        row = self.graph.node("Unsqueeze", [factors, self.graph.integers(1)])
        total = self.graph.node("MatMul" if is_float else "MatMulInteger", [row, rows])
        return lowering.scale_rows(self.graph, total, path, module)

    def leading_rows(self, count: str, path: str) -> str:
        """Return the first rows of a table.

        Args:
            count: Name of an int64 tensor of shape (1,).
            path: Path of the table.

        Returns:
            Name of a float32 tensor of shape (count, width).
        """
        module, lowering = self._embedding(path)
        table = lowering.table(self.graph, path, module)
        rows = self.graph.node("Slice", [table, self.graph.integers(0), count])
        return lowering.scale_rows(self.graph, rows, path, module)

    def norm(self, summands: Sequence[str], path: str) -> str:
        """Add a normalization of a sum.

        Args:
            summands: Names of float32 tensors of one shape.
            path: Path of the normalization, or of the identity of a layer without one.

        Returns:
            Name of a tensor of that shape.
        """
        module = self._module.get_submodule(path)
        total = self.graph.total(summands)
        if not isinstance(module, nn.LayerNorm | nn.RMSNorm):
            return total
        # A gain and, in some families, a bias.
        parameters = module.named_parameters()
        weights = [add_tensor(self.graph, f"{path}.{n}", value) for n, value in parameters]
        if isinstance(module, nn.RMSNorm):
            return add_rms_norm(self.graph, total, weights[0], cast("float", module.eps))
        return self.graph.node("LayerNormalization", [total, *weights], axis=-1, epsilon=module.eps)

    def _split(self, out: str, paths: Sequence[str]) -> list[str]:
        """Divide the outputs of modules that were multiplied together."""
        if len(paths) == 1:
            return [out]
        modules = self._modules(paths).values()
        widths = self.graph.integers(*(module.out_features for module in modules))
        return self.graph.nodes("Split", [out, widths], len(paths), axis=2)

    def _modules(self, paths: Sequence[str]) -> ModulesByPath:
        return {path: self._module.get_submodule(path) for path in paths}

    def _linear_lowering(self, paths: Sequence[str]) -> LinearLowering:
        """Return the lowering of linear modules that share their input."""
        modules = self._modules(paths)
        first, *others = (find_arithmetic(path, module) for path, module in modules.items())
        if any(other is not first for other in others):
            raise TypeError(f"{', '.join(paths)}: modules with one input need one arithmetic")
        return cast("LinearLowering", first.lowering)

    def _embedding(self, path: str) -> tuple[nn.Module, EmbeddingLowering]:
        module = self._module.get_submodule(path)
        return module, cast("EmbeddingLowering", find_arithmetic(path, module).lowering)
