"""Run a classifier in lockstep with its graph, so that both round the same numbers.

Float32 sums differ in the last bit between libraries. That can round a value on a tie the other
way; where the range is measured at run time, one such value may shift all of them, and the logits
then differ by as much as rounding itself costs. So each linear module's input is compared with the
graph's and then replaced by it.
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
from coldpress.data.encoding import Batch
from coldpress.errors import ParityError
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.products import find_products, rounding_lowerings
from coldpress.onnx.predictor import open_session

Array = NDArray[Any]

MAX_RELATIVE_DIFFERENCE = 1e-4
"""Of two float32 computations of one tensor, relative to its largest magnitude."""


class Lockstep:
    """A classifier and its graph, run on the same inputs."""

    def __init__(self, classifier: Classifier, model: onnx.ModelProto) -> None:
        self._classifier = classifier
        self._linear_inputs = _linear_inputs(model, classifier.module)
        instrumented = onnx.ModelProto()
        instrumented.CopyFrom(model)
        instrumented.graph.output.extend(
            helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
            for name in sorted(set(self._linear_inputs.values()))
        )
        self._session = open_session(instrumented.SerializeToString(), threads=1)

    def logits(self, batch: Batch) -> tuple[Array, Array]:
        """Run one padded batch in both.

        Args:
            batch: Padded rows.

        Returns:
            The classifier's and the graph's logits, each of shape (units, labels).

        Raises:
            ParityError: The input of a linear module differs from the graph's.
        """
        names = [value.name for value in self._session.get_outputs()]
        feeds = {value.name: getattr(batch, value.name) for value in self._session.get_inputs()}
        outputs = dict(zip(names, self._session.run(names, feeds), strict=True))
        with ExitStack() as hooks, torch.inference_mode():
            for path, name in self._linear_inputs.items():
                module = self._classifier.module.get_submodule(path)
                hook = _substitute_input(path, torch.from_numpy(outputs[name]))
                hooks.callback(module.register_forward_pre_hook(hook).remove)
            logits = self._classifier.unit_logits(batch)
        return logits.numpy(), batch.select_units(outputs["logits"])


def _linear_inputs(model: onnx.ModelProto, root: nn.Module) -> dict[str, str]:
    """Return the name of each rounding module's input tensor, by the module's path."""
    producers = {output: node for node in model.graph.node for output in node.output}
    lowerings = rounding_lowerings(root)
    return {
        path: lowerings[path].unrounded_input(_all_tokens(node.input[0], producers), producers)
        for path, node in find_products(model, root).items()
    }


def _all_tokens(values: str, producers: Mapping[str, onnx.NodeProto]) -> str:
    """Return the tensor whose first tokens `Lowering.first_token` selects, or the tensor itself."""
    producer = producers.get(values)
    if producer is None or producer.op_type != "Slice":
        return values
    return str(producer.input[0])


def _saturation_hint() -> str:
    return "" if has_vnni() else "; without VNNI, weights of more than 7 bits can saturate"


def _substitute_input(
    path: str, expected: Tensor
) -> Callable[[nn.Module, tuple[Tensor, ...]], tuple[Tensor, ...]]:
    """Return a hook that compares a module's input with the graph's and substitutes the latter."""

    def hook(_module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        activation = inputs[0].clone()
        # After the last attention the graph has only the first token: (batch, 1, width).
        compared = activation[:, : expected.shape[1]]
        difference = (compared - expected).abs().max() / expected.abs().max().clamp(min=1e-6)
        if not difference <= MAX_RELATIVE_DIFFERENCE:
            raise ParityError(
                f"{path}: the input differs from the graph's by {difference:.1e} of its largest "
                f"magnitude{_saturation_hint()}"
            )
        compared.copy_(expected)
        return (activation,)

    return hook
