"""Parity: proof that an ONNX file computes what the checkpoint it was made from computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnxruntime import InferenceSession
from scipy.stats import binomtest
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import ParityError
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import load_any_precision
from coldpress.onnx.graph.builder import NAME_SEPARATOR
from coldpress.onnx.graph.lowering import SHARED_TENSORS
from coldpress.onnx.lockstep import MAX_RELATIVE_DIFFERENCE, Lockstep
from coldpress.onnx.predictor import open_session
from coldpress.quantization.core.blocks import BlockLinear
from coldpress.quantization.core.modules import QuantizedLinear
from coldpress.quantization.core.storage import packed_state

Array = NDArray[Any]

MAX_DRIFT = 0.02
MIN_AGREEMENT = 0.95
"""Where each rounds its own numbers, the answers differ by as much as rounding costs: on MiniLM a
mean of 0.005 of the logits' range, and 2 of 100 labels when the model is untrained."""

SIGNIFICANCE_LEVEL = 0.01
"""Two other labels of 30 rows are more than 5 %, and are no sign of more: as many or more come by
chance in 45 of 100 such samples. Refused is what comes in fewer than one of a hundred."""

_MAX_ROWS = 256
_BATCH_SIZE = 64


@dataclass(frozen=True)
class Parity:
    """How far a graph and its checkpoint are apart on the same padded batches.

    Attributes:
        rows: Rows compared.
        range: From the smallest to the largest logit of the checkpoint.
        max_logit_difference: Largest absolute difference, every rounding having seen the same
            numbers in both (`synchrony` says why).
        bound: What was allowed of it.
        drift: Mean absolute difference where each rounds its own numbers.
        label_agreement: Share of rows that get the same label then.
    """

    rows: int
    range: float
    max_logit_difference: float
    bound: float
    drift: float
    label_agreement: float

    def metrics(self) -> dict[str, float]:
        """Return the figures by name, for a tracking store."""
        return {f"parity_{name}": float(value) for name, value in asdict(self).items()}


def check_parity(checkpoint: Checkpoint, onnx_path: Path, encoded: EncodedSplit) -> Parity:
    """Compare an ONNX file with its checkpoint: every constant, then logits on the same batches.

    Args:
        checkpoint: What the file was exported from.
        onnx_path: The file.
        encoded: Rows to compare on; at most 256 of them are used, spread evenly.

    Returns:
        The figures, all within their bounds.

    Raises:
        ParityError: A tensor is missing or altered, or the answers are too far apart.
    """
    classifier, model = load_any_precision(checkpoint), onnx.load(onnx_path)
    onnx.checker.check_model(model, full_check=True)
    _check_constants(model, classifier)
    synchrony, session = Lockstep(classifier, model), open_session(onnx_path, threads=1)
    compared = [
        (*synchrony.logits(inputs), *_run_independently(classifier, session, inputs))
        for inputs in _batches(classifier, encoded)
    ]
    expected, found, alone, theirs = (np.concatenate(part) for part in zip(*compared, strict=True))
    return require_parity(
        Parity(
            rows=len(expected),
            range=float(np.ptp(expected)),
            max_logit_difference=float(np.abs(found - expected).max()),
            bound=MAX_RELATIVE_DIFFERENCE * max(float(np.ptp(expected)), 1.0),
            drift=float(np.abs(theirs - alone).mean()),
            label_agreement=float((theirs.argmax(-1) == alone.argmax(-1)).mean()),
        )
    )


def require_parity(parity: Parity) -> Parity:
    """Refuse what is out of bounds.

    Args:
        parity: Figures; one that is not a number is out of bounds.

    Returns:
        The same.

    Raises:
        ParityError: The answers are too far apart.
    """
    within = (
        parity.max_logit_difference <= parity.bound
        and parity.drift <= MAX_DRIFT * max(parity.range, 1.0)
        and _labels_agree(parity)
    )
    if not within:
        raise ParityError(f"the answers are too far apart: {parity}")
    return parity


def _labels_agree(parity: Parity) -> bool:
    """Whether the labels could be of a file that gives the same ones as often as it must."""
    same = round(parity.label_agreement * parity.rows)
    tested = binomtest(same, parity.rows, MIN_AGREEMENT, alternative="less")
    return bool(tested.pvalue >= SIGNIFICANCE_LEVEL)


def _batches(classifier: Classifier, encoded: EncodedSplit) -> Iterator[Mapping[str, Tensor]]:
    chosen = np.linspace(0, len(encoded) - 1, min(_MAX_ROWS, len(encoded))).round().astype(int)
    for start in range(0, len(chosen), _BATCH_SIZE):
        yield classifier.inputs(encoded.batch(chosen[start : start + _BATCH_SIZE].tolist()))


def _run_independently(
    classifier: Classifier, session: InferenceSession, inputs: Mapping[str, Tensor]
) -> tuple[Array, Array]:
    """Answer a batch in torch and in the session, each on its own."""
    with torch.inference_mode():
        alone = classifier.module(**inputs).logits.numpy()
    return alone, session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})[0]


def _check_constants(model: onnx.ModelProto, classifier: Classifier) -> None:
    """Compare every tensor of the checkpoint with the constant that bears its name."""
    found = _constants(model)
    for name, tensor in packed_state(classifier).items():
        if name not in found:
            raise ParityError(f"{name} is missing")
        if not np.array_equal(found[name], _graph_layout(classifier, name, tensor.numpy())):
            raise ParityError(f"{name} is not what the checkpoint holds")


def _constants(model: onnx.ModelProto) -> dict[str, Array]:
    """Read the file's constants, those that lie side by side taken apart."""
    found = _attributes(model)
    for constant in model.graph.initializer:
        names, value = constant.name.split(NAME_SEPARATOR), numpy_helper.to_array(constant)
        shared = names[0].rpartition(".")[2] in SHARED_TENSORS
        alone = shared or len(names) == 1
        axis = 0 if value.ndim == 3 else -1  # blocks of rows, one above the other
        parts = [value] * len(names) if alone else np.split(value, len(names), axis)
        found.update(zip(names, parts, strict=True))
    return found


def _attributes(model: onnx.ModelProto) -> dict[str, Array]:
    """Read what a checkpoint holds in tensors and a graph in attributes, by the tensors' names."""
    return {
        f"{name.removesuffix('.weight')}.{attribute.name}": np.asarray(attribute.i)
        for node in model.graph.node
        if node.op_type == "MatMulNBits"
        for name in node.input[1].split(NAME_SEPARATOR)
        for attribute in node.attribute
    }


def _graph_layout(classifier: Classifier, name: str, value: Array) -> Array:
    """Bring a checkpoint's tensor into the shape that the graph keeps it in."""
    path, _, kind = name.rpartition(".")
    kinds = nn.Linear | QuantizedLinear | BlockLinear
    packed = kind == "weight" and value.dtype == np.uint8
    if packed or not isinstance(classifier.module.get_submodule(path), kinds):
        return value
    return {"weight": value.T, "scale": value.flatten()}.get(kind, value)
