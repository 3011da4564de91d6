"""Run a classifier beside its graph so that every rounding sees the same numbers in both.

Float32 sums differ in their last bit from one library to the other. Before a rounding that is
enough to push a value on a tie to the other side; where the range is measured at run time one
such value may move the whole grid, and the answers then differ by as much as rounding itself costs.
So each linear module is handed the graph's own input, after it was compared with the module's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper
from torch import Tensor, nn

from coldpress.cpu import has_vnni
from coldpress.errors import ParityError
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.unpacking import trace_weights
from coldpress.onnx.predictor import open_session

Array = NDArray[Any]

MAX_RELATIVE_DIFFERENCE = 1e-4
"""Between two float32 computations of one tensor, as a share of its largest magnitude."""

INPUT_TRANSFORMS = (".input_scale", ".activation_shift")
"""Constants that an activation meets on its way from where it arrives to where it is rounded."""


class Lockstep:
    """A classifier and its graph, side by side."""

    def __init__(self, classifier: Classifier, model: onnx.ModelProto) -> None:
        self._classifier = classifier
        self._arrivals = _linear_inputs(model)
        watched = onnx.ModelProto()
        watched.CopyFrom(model)
        watched.graph.output.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in sorted(set(self._arrivals.values()))
        )
        self._session = open_session(watched.SerializeToString(), threads=1)

    def logits(self, inputs: Mapping[str, Tensor]) -> tuple[Array, Array]:
        """Answer one padded batch in both.

        Args:
            inputs: As `Classifier.inputs` returned them.

        Returns:
            The classifier's logits and the graph's, of shape (batch, labels).

        Raises:
            ParityError: What arrives at a linear module is not what arrives there in the graph.
        """
        names = [value.name for value in self._session.get_outputs()]
        feeds = {name: tensor.numpy() for name, tensor in inputs.items()}
        found = dict(zip(names, self._session.run(names, feeds), strict=True))
        with ExitStack() as hooks, torch.inference_mode():
            for path, name in self._arrivals.items():
                module = self._classifier.module.get_submodule(path)
                hook = _substitute_input(path, torch.from_numpy(found[name]))
                hooks.callback(module.register_forward_pre_hook(hook).remove)
            logits = self._classifier.module(**inputs).logits
        return logits.numpy(), found["logits"]


def _linear_inputs(model: onnx.ModelProto) -> dict[str, str]:
    """Name the tensor that arrives at each linear module, by the module's path."""
    producers = {output: node for node in model.graph.node for output in node.output}
    arrivals: dict[str, str] = {}
    for node in model.graph.node:
        if node.op_type == "MatMulNBits":
            arrivals |= dict.fromkeys(trace_weights(producers, node.input[1]), node.input[0])
        elif node.op_type == "MatMulIntegerToFloat":
            arriving = _unrounded_input(node.input[0], producers)
            arrivals |= dict.fromkeys(trace_weights(producers, node.input[1]), arriving)
    return arrivals


def _unrounded_input(multiplied: str, producers: Mapping[str, onnx.NodeProto]) -> str:
    """Name the tensor that is rounded, before its channels were scaled or shifted."""
    producer = producers[multiplied]
    while producer.op_type not in {"QuantizeLinear", "DynamicQuantizeLinear"}:
        producer = producers[producer.input[0]]
    rounded = producer.input[0]
    while (before := producers[rounded]).op_type in {"Mul", "Sub"} and before.input[1].endswith(
        INPUT_TRANSFORMS
    ):
        rounded = before.input[0]
    return str(rounded)


def _saturation_hint() -> str:
    return "" if has_vnni() else "; without VNNI, weights of more than 7 bits saturate"


def _substitute_input(
    path: str, theirs: Tensor
) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
    """Make a hook that compares what arrives with the graph's tensor and then passes that on."""

    def hook(_module: nn.Module, arriving: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        ours = arriving[0].clone()
        # After the last attention the graph has the first token alone: (batch, 1, width).
        same = ours[:, : theirs.shape[1]]
        gap = (same - theirs).abs().max() / theirs.abs().max().clamp(min=1e-6)
        if not gap <= MAX_RELATIVE_DIFFERENCE:
            raise ParityError(
                f"{path}: what arrives differs from the graph's by {gap:.1e}{_saturation_hint()}"
            )
        same.copy_(theirs)
        return (ours,)

    return hook
