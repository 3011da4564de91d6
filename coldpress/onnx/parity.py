"""Parity: proof that an ONNX file computes what the checkpoint it was made from computes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import nn

from coldpress.checkpoint import Checkpoint
from coldpress.encoding import Encoded
from coldpress.errors import ParityError
from coldpress.model import Classifier
from coldpress.onnx.export import open_source
from coldpress.onnx.lowering import TOGETHER
from coldpress.onnx.predictor import open_session
from coldpress.quantization.simulation import QuantizedLinear
from coldpress.quantization.storage import is_quantized

Array = NDArray[Any]

_ROWS = 512
_BATCH_SIZE = 64


@dataclass(frozen=True)
class Bound:
    """How far logits may be apart, as shares of the range that the checkpoint's logits span.

    Attributes:
        largest: For the largest difference.
        mean: For the mean difference.
        disagreement: Share of rows whose label may differ.
    """

    largest: float
    mean: float
    disagreement: float


FLOAT = Bound(largest=1e-4, mean=1e-5, disagreement=0.0)
"""The same sums in another order."""

INTEGER = Bound(largest=0.1, mean=0.005, disagreement=0.02)
"""Equal integers, and float32 sums in another order before each rounding: a value that lies on a
tie falls to the other side, and the step that it moves by is what the next layers see. Measured
on MiniLM: largest 0.03, mean 0.0005; saturated 8-bit products: 0.2 and 0.005; a wrong scale in
one layer: more."""


@dataclass(frozen=True)
class Parity:
    """How far a graph and its checkpoint are apart on the same padded batches.

    Attributes:
        rows: Rows compared.
        range: From the smallest to the largest logit of the checkpoint.
        max_logit_difference: Largest absolute difference.
        mean_logit_difference: Mean absolute difference.
        label_agreement: Share of rows with the same label.
        bound: What was allowed.
    """

    rows: int
    range: float
    max_logit_difference: float
    mean_logit_difference: float
    label_agreement: float
    bound: Bound

    def metrics(self) -> dict[str, float]:
        """Return the figures by name, for a tracking store."""
        plain = {name: value for name, value in asdict(self).items() if name != "bound"}
        return {f"parity_{name}": float(value) for name, value in plain.items()}


def check_parity(checkpoint: Checkpoint, onnx_path: Path, encoded: Encoded) -> Parity:
    """Compare an ONNX file with its checkpoint: every constant, then logits on the same batches.

    Args:
        checkpoint: What the file was exported from.
        onnx_path: The file.
        encoded: Rows to compare on; at most 512 of them are used, spread evenly.

    Returns:
        The figures, all within the bound.

    Raises:
        ParityError: A tensor is missing or altered, or the logits are too far apart.
    """
    classifier = open_source(checkpoint)
    _check_constants(onnx_path, classifier)
    expected, found = _logits(classifier, onnx_path, encoded)
    bound = INTEGER if is_quantized(checkpoint) else FLOAT
    return _within_bound(expected, found, bound)


def _check_constants(path: Path, classifier: Classifier) -> None:
    """Compare every tensor of the checkpoint with the constant that bears its name."""
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    found = _constants(model)
    for name, tensor in classifier.module.state_dict().items():
        if name not in found:
            raise ParityError(f"{path.name}: {name} is missing")
        if not np.array_equal(found[name], _as_stored(classifier, name, tensor.numpy())):
            raise ParityError(f"{path.name}: {name} is not what the checkpoint holds")


def _constants(model: onnx.ModelProto) -> dict[str, Array]:
    """Read the file's constants, those that lie side by side taken apart."""
    found: dict[str, Array] = {}
    for constant in model.graph.initializer:
        names, value = constant.name.split(TOGETHER), numpy_helper.to_array(constant)
        parts = np.split(value, len(names), axis=-1) if value.ndim else [value] * len(names)
        found.update(zip(names, parts, strict=True))
    return found


def _as_stored(classifier: Classifier, name: str, value: Array) -> Array:
    """Bring a checkpoint's tensor into the shape that the graph keeps it in."""
    path, _, kind = name.rpartition(".")
    if not isinstance(classifier.module.get_submodule(path), nn.Linear | QuantizedLinear):
        return value
    return {"weight": value.T, "scale": value.flatten()}.get(kind, value)


def _logits(classifier: Classifier, path: Path, encoded: Encoded) -> tuple[Array, Array]:
    """Answer the same padded batches in torch and in a fresh session."""
    session, expected, found = open_session(path, threads=1), [], []
    chosen = np.linspace(0, len(encoded) - 1, min(_ROWS, len(encoded))).round().astype(int)
    for start in range(0, len(chosen), _BATCH_SIZE):
        inputs = classifier.inputs(encoded.batch(chosen[start : start + _BATCH_SIZE].tolist()))
        with torch.inference_mode():
            expected.append(classifier.module(**inputs).logits.numpy())
        found.append(session.run(None, {k: v.numpy() for k, v in inputs.items()})[0])
    return np.concatenate(expected), np.concatenate(found)


def _within_bound(expected: Array, found: Array, bound: Bound) -> Parity:
    apart = np.abs(found - expected)
    measured = Parity(
        rows=len(expected),
        range=float(np.ptp(expected)),
        max_logit_difference=float(apart.max()),
        mean_logit_difference=float(apart.mean()),
        label_agreement=float((found.argmax(-1) == expected.argmax(-1)).mean()),
        bound=bound,
    )
    if not _holds(measured):
        raise ParityError(f"logits are too far apart: {measured}")
    return measured


def _holds(measured: Parity) -> bool:
    """Whether the figures are within their bound; a figure that is not a number is not."""
    bound, unit = measured.bound, max(measured.range, 1.0)
    return (
        measured.max_logit_difference <= bound.largest * unit
        and measured.mean_logit_difference <= bound.mean * unit
        and measured.label_agreement >= 1.0 - bound.disagreement
    )
