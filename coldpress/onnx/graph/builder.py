"""Builder of ONNX graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto, helper, numpy_helper

from coldpress.schema.finite import check_all_finite, check_arrays_finite

MICROSOFT = "com.microsoft"
_DIMENSIONS = ("batch", "sequence")
_LAST = np.iinfo(np.int64).max
"""End of a slice that goes on to the last token."""
_AXES_ARE_AN_INPUT = 18
"""The operator set from which on the axes of a reduction are an input, not an attribute."""
_REDUCTIONS = ("ReduceMean", "ReduceMax")


class Graph:
    """Nodes in the order they were added, and named constants.

    Attributes:
        inputs: Names of the int64 inputs of shape (batch, sequence).
        logits_of: What has logits: each row, or each token of each row.
    """

    def __init__(
        self, inputs: Sequence[str], logits_of: Literal["rows", "tokens"] = "rows"
    ) -> None:
        self.inputs = tuple(inputs)
        self.logits_of = logits_of
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def constant(self, name: str, value: NDArray[Any]) -> str:
        """Add a constant; a name that exists already keeps its first value.

        Args:
            name: Unique in the graph.
            value: Any numpy array or scalar array.

        Returns:
            The name.

        Raises:
            NonFiniteError: The value holds a NaN or an infinity.
        """
        if name not in self._constants:
            array = np.asarray(value, order="C")
            check_arrays_finite({name: array})
            self._constants[name] = numpy_helper.from_array(array, name)
        return name

    def integers(self, *values: int) -> str:
        """Add a constant with a short list of int64, such as axes.

        Args:
            values: The list.

        Returns:
            Name of the constant, made of the values.
        """
        name = "integers_" + "_".join(map(str, values))
        return self.constant(name, np.asarray(values, dtype=np.int64))

    def node(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:  # noqa: ANN401
        """Add an operator with one output.

        Args:
            operator: Its name, preceded by domain and dot unless it is a standard ONNX operator.
            inputs: Names; an empty name skips an optional input.
            attributes: Attributes of the operator.

        Returns:
            Name of the output.
        """
        return self.nodes(operator, inputs, 1, **attributes)[0]

    def nodes(
        self,
        operator: str,
        inputs: Sequence[str],
        outputs: int,
        **attributes: Any,  # noqa: ANN401
    ) -> list[str]:
        """Add an operator with several outputs.

        Args:
            operator: As in `node`.
            inputs: As in `node`.
            outputs: Number of outputs.
            attributes: As in `node`.

        Returns:
            Names of the outputs.
        """
        domain, _, kind = operator.rpartition(".")
        name = f"{kind}_{len(self._nodes)}"
        check_all_finite(attributes, name)
        names = [f"{name}_{i}" for i in range(outputs)]
        self._nodes.append(
            helper.make_node(kind, list(inputs), names, name, domain=domain, **attributes)
        )
        return names

    def total(self, summands: Sequence[str]) -> str:
        """Add a sum.

        Uses `Sum`, because ONNX Runtime would fuse `Add` into SkipLayerNormalization, which takes
        25 microseconds for 10 tokens of width 384 where the two operators take 4 (version 1.31).

        Args:
            summands: Names of float32 tensors of one shape.

        Returns:
            Name of a tensor of that shape.
        """
        return summands[0] if len(summands) == 1 else self.node("Sum", summands)

    def slice_tokens(self, values: str, start: int, end: int | None) -> str:
        """Select neighbouring tokens.

        Args:
            values: Name of a tensor of shape (batch, tokens, ...).
            start: First token.
            end: The token after the last; negative counts from the end, None is the end.

        Returns:
            Name of a tensor with fewer tokens.
        """
        bounds = [start, _LAST if end is None else end, 1]
        return self.node("Slice", [values, *map(self.integers, bounds)])

    def mean(self, values: str) -> str:
        """Add the mean over the last dimension.

        Args:
            values: Name of a float32 tensor of shape (..., width).

        Returns:
            Name of a tensor of shape (..., 1).
        """
        return self.node("ReduceMean", [values], axes=[-1], keepdims=1)

    def maximum(self, values: str, axis: int) -> str:
        """Add the largest values along a dimension.

        Args:
            values: Name of a float32 tensor.
            axis: The dimension, whose size becomes 1.

        Returns:
            Name of a tensor with as many dimensions.
        """
        return self.node("ReduceMax", [values], axes=[axis], keepdims=1)

    def model(self, labels: int, opset: int, metadata: Mapping[str, str]) -> ModelProto:
        """Return the finished model; the output of the last node becomes the logits.

        Args:
            labels: Number of logits of a row or token.
            opset: Version of the ONNX operator set.
            metadata: The file's metadata.

        Returns:
            A model whose bytes depend only on the nodes, the constants and the arguments.
        """
        self._nodes[-1].output[0] = "logits"
        if opset >= _AXES_ARE_AN_INPUT:
            self._move_axes()
        units = _DIMENSIONS[:1] if self.logits_of == "rows" else _DIMENSIONS
        graph = helper.make_graph(
            self._nodes,
            "coldpress",
            [helper.make_tensor_value_info(n, TensorProto.INT64, _DIMENSIONS) for n in self.inputs],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (*units, labels))],
            list(self._constants.values()),
        )
        versions = [helper.make_opsetid("", opset), helper.make_opsetid(MICROSOFT, 1)]
        oldest = helper.find_min_ir_version_for([versions[0]])
        model = helper.make_model(
            graph, opset_imports=versions, ir_version=oldest, producer_name="coldpress"
        )
        helper.set_model_props(model, dict(sorted(metadata.items())))
        return model

    def _move_axes(self) -> None:
        """Make the axes of reductions an input."""
        for node in self._nodes:
            if node.op_type in _REDUCTIONS and len(node.input) == 1:
                (axes,) = (a for a in node.attribute if a.name == "axes")
                node.input.append(self.integers(*axes.ints))
                node.attribute.remove(axes)
