"""Constants and activations that arithmetics add to a graph."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

NAME_SEPARATOR = "+"
"""Joins the names of tensors that are concatenated or shared in one constant."""

Array = NDArray[Any]
ModulesByPath = Mapping[str, Any]
"""Modules of one type that share their input, by path."""


class GraphBuilder(Protocol):
    """The graph under construction, `coldpress.onnx.graph.builder.Graph`."""

    def constant(self, name: str, value: Array) -> str:
        """Add a constant; a name that exists already keeps its first value."""

    def integers(self, *values: int) -> str:
        """Add a constant with a short list of int64, such as axes."""

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:  # noqa: ANN401
        """Add an operator and return its output."""

    def nodes(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: int,
        **attributes: Any,  # noqa: ANN401
    ) -> list[str]:
        """Add an operator and return its outputs."""


@dataclass(frozen=True)
class Activation:
    """Input of linear modules.

    Attributes:
        values: Name of the tensor, float32 or uint8.
        scale: Name of the scale; empty for float32.
        zero_point: Name of the zero point; empty for float32.
    """

    values: str
    scale: str = ""
    zero_point: str = ""


@dataclass(frozen=True)
class HeadsAndMask:
    """What an attention operator reads beside queries, keys and values.

    Attributes:
        heads: Number of heads.
        padding: Name of the attention mask as int32, of shape (batch, tokens).
        masked_score: Added to the scores of padding.
    """

    heads: int
    padding: str
    masked_score: float


def _same_layout(value: Array) -> Array:
    return value


@dataclass(frozen=True)
class GraphTensor:
    """Place of a stored tensor in a graph.

    Attributes:
        layout: Brings the tensor into the layout of its constant.
        axis: Axis at which the tensors of modules with one input are concatenated; None if these
            modules share one tensor.
    """

    layout: Callable[[Array], Array] = _same_layout
    axis: int | None = -1

    def join(self, values: Sequence[Array]) -> Array:
        """Return the constant of modules with one input.

        Args:
            values: The stored tensor of each module.

        Returns:
            The concatenated tensors, or the first one if they are shared.
        """
        parts = [self.layout(value) for value in values]
        return parts[0] if self.axis is None else np.concatenate(parts, self.axis)

    def split(self, constant: Array, count: int) -> list[Array]:
        """Divide a constant into the modules' parts: the inverse of `join`.

        Args:
            constant: Returned by `join`.
            count: Number of modules.

        Returns:
            The part of each module, in the layout of the graph.
        """
        return [constant] * count if self.axis is None else np.split(constant, count, self.axis)


def add_joined(
    graph: GraphBuilder,
    paths: Iterable[str],
    name: str,
    values: Sequence[Array],
    tensor: GraphTensor,
) -> str:
    """Add the constant that holds one tensor of every module with the same input.

    Args:
        graph: The graph under construction.
        paths: Paths of the modules.
        name: Name of the tensor in each module.
        values: The stored tensor of each module.
        tensor: Its place in the graph.

    Returns:
        Name of the constant: the joined names of the tensors.
    """
    joined = NAME_SEPARATOR.join(f"{path}.{name}" for path in paths)
    return graph.constant(joined, tensor.join(values))


def add_tensor(graph: GraphBuilder, name: str, tensor: Tensor) -> str:
    """Add a module's tensor as a constant.

    Args:
        graph: The graph under construction.
        name: Unique in the graph.
        tensor: Of any type and shape.

    Returns:
        The name.
    """
    return graph.constant(name, tensor.detach().numpy())


def add_biases(graph: GraphBuilder, modules: ModulesByPath) -> str:
    """Add the concatenated biases.

    Args:
        graph: The graph under construction.
        modules: Linear modules by path.

    Returns:
        Name of a float32 tensor of shape (sum of out,); empty if the modules have no biases.
    """
    if any(module.bias is None for module in modules.values()):
        return ""
    biases = [module.bias.detach().numpy() for module in modules.values()]
    return add_joined(graph, modules, "bias", biases, GraphTensor())
