"""Interface of an arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from onnx import NodeProto
from torch import Tensor, nn

from coldpress.quantization.arithmetic.graph import (
    Activation,
    GraphBuilder,
    GraphTensor,
    HeadsAndMask,
    ModulesByPath,
)

Tensors = Mapping[str, Tensor]
"""A module's stored tensors by their names in the module."""
Producers = Mapping[str, NodeProto]
"""A graph's nodes by their outputs."""


class Precision(NamedTuple):
    """Precision of a module, for scorecards.

    Attributes:
        weight_bits: Bits of a stored weight.
        activation_bits: Bits of the activations; None for tables that are looked up.
        computes_in: Description of the computation.
    """

    weight_bits: int
    activation_bits: int | None
    computes_in: str


@dataclass(frozen=True)
class Storage:
    """Storage of modules in checkpoints.

    Attributes:
        replaces: Type of the float32 module at the same place: `nn.Linear` or `nn.Embedding`.
        weight_types: Types of stored weights. A checkpoint does not name arithmetics: a module's is
            recognised by the type of its weight and by the names of its tensors.
        required: Names of the tensors that every module stores, among them `weight`.
        optional: Names of the tensors that only some modules store.
        build: Builds the module, not yet loaded, from the float32 module at its place and from the
            stored tensors.
        pack: Returns a module's weight as it is stored.
        unpack: Returns the weight of a module, from the stored tensors and its shape.
    """

    replaces: type[nn.Module]
    weight_types: frozenset[torch.dtype]
    required: frozenset[str]
    build: Callable[[Any, Tensors], nn.Module]
    pack: Callable[[Any], Tensor]
    unpack: Callable[[Tensors, Sequence[int]], Tensor]
    optional: frozenset[str] = frozenset()

    def recognises(self, replaces: type[nn.Module], tensors: Tensors) -> bool:
        """Return whether a stored module has this arithmetic.

        Args:
            replaces: Type of the float32 module at its place.
            tensors: Its stored tensors.

        Returns:
            True if the module stores all required tensors, only optional ones besides, and a
            weight of a type of this arithmetic.
        """
        named = self.required <= tensors.keys() <= self.required | self.optional
        typed = named and tensors["weight"].dtype in self.weight_types
        return typed and issubclass(replaces, self.replaces)


def _keep_float32(graph: GraphBuilder, values: str, modules: ModulesByPath) -> Activation:  # noqa: ARG001
    return Activation(values)


def _input_itself(values: str, producers: Producers) -> str:  # noqa: ARG001
    return values


@dataclass(frozen=True)
class LinearLowering:
    """Operators of linear modules that share their input.

    Attributes:
        product: Adds the product of an activation of shape (..., in) with the modules' weights, and
            the biases. Returns the name of a float32 tensor of shape (..., sum of out).
        activation: Prepares a float32 tensor as input of the modules; by default it stays as it is.
        operators: The operators that may multiply the activation, their first input, by the
            weights, their second input. `lockstep` makes the module read the activation of this
            node. Empty if the module rounds nothing: its input then is not replaced.
        unrounded_input: Returns the tensor that the module reads, from the first input of one of
            `operators` and the nodes before it. By default these are the same.
        linear: Adds activation and product in fewer operators. None if there are none.
        attention: Adds the attention whose queries, keys and values the modules compute, in fewer
            operators than products and attention. Returns the name of a float32 tensor of shape
            (batch, tokens, out). None if there are none.
    """

    product: Callable[[GraphBuilder, Activation, ModulesByPath], str]
    activation: Callable[[GraphBuilder, str, ModulesByPath], Activation] = _keep_float32
    operators: frozenset[str] = frozenset()
    unrounded_input: Callable[[str, Producers], str] = _input_itself
    linear: Callable[[GraphBuilder, str, ModulesByPath], str] | None = None
    attention: Callable[[GraphBuilder, Activation, ModulesByPath, HeadsAndMask], str] | None = None


@dataclass(frozen=True)
class EmbeddingLowering:
    """Operators of an embedding table.

    Attributes:
        table: Adds the table at a path. Returns the name of a tensor of shape (rows, width).
        scale_rows: Converts rows of the table, a tensor of shape (..., width), to float32. All
            constants that it adds for the module are named after the module's path.
    """

    table: Callable[[GraphBuilder, str, Any], str]
    scale_rows: Callable[[GraphBuilder, str, str, Any], str]


@dataclass(frozen=True)
class Arithmetic:
    """The modules of one type, in checkpoints, scorecards and graphs.

    Attributes:
        module: Type of the modules. It has `in_features` and `out_features`, or `num_embeddings`
            and `embedding_dim`, and a parameter `weight` of the float32 weight's shape. If it has
            an attribute `first_token`, that is set to True where the graph computes only the first
            token: ranges measured over the activation must then leave out the others.
        precision: Describes a module.
        storage: Its form in checkpoints.
        lowering: Its form in graphs. Every stored tensor is a constant named after it, or an
            attribute of the operator: `parity` compares each of them with the checkpoint.
        constants: Places of the stored tensors in graphs, by name; those not listed have the
            layout of the checkpoint, and are concatenated at the last axis.
    """

    module: type[nn.Module]
    precision: Callable[[Any], Precision]
    storage: Storage
    lowering: LinearLowering | EmbeddingLowering
    constants: Mapping[str, GraphTensor] = field(default_factory=dict)
