"""Proof that an ONNX file computes the same as the checkpoint it was exported from."""

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
from torch import nn

from coldpress.data.encoding import Batch, EncodedSplit
from coldpress.data.sampling import evenly_spaced_rows
from coldpress.errors import ParityError
from coldpress.kinds.kind import TaskKind
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.disentangled import position_constants
from coldpress.onnx.graph.folded_tables import folded_tables
from coldpress.onnx.graph.products import find_products
from coldpress.onnx.inference import calibrate
from coldpress.onnx.lockstep import MAX_RELATIVE_DIFFERENCE, Lockstep
from coldpress.onnx.output_scale import output_scales
from coldpress.onnx.predictor import Predictor, open_session
from coldpress.quantization.arithmetic.graph import NAME_SEPARATOR, GraphTensor
from coldpress.quantization.arithmetic.table import find_arithmetic, modules_with_weights
from coldpress.quantization.core.storage import load_any_precision, packed_state

Array = NDArray[Any]

MAX_DRIFT = 0.02
MIN_AGREEMENT = 0.95
"""When torch and ONNX Runtime each round their own numbers, the logits differ by as much as
rounding costs: on MiniLM by 0.005 of their range on average, and 2 of 100 labels of an untrained
model differ."""

SIGNIFICANCE_LEVEL = 0.01
"""Two different labels in 30 rows are more than 5 %, but a file that errs in 5 % of rows has two or
more in 45 of 100 samples. A file fails if its count has a chance below this level."""

_MAX_ROWS = 256
_BATCH_SIZE = 64


@dataclass(frozen=True)
class Parity:
    """Differences between a graph and its checkpoint on the same padded batches.

    Attributes:
        rows: Number of output vectors compared: of rows, or of words.
        range: Difference between the checkpoint's largest and smallest logit.
        max_logit_difference: Largest absolute difference when both round the same numbers (see
            `lockstep`).
        bound: Upper bound of `max_logit_difference`.
        drift: Mean absolute difference when each rounds its own numbers.
        label_agreement: Share of rows with the same prediction when each rounds its own numbers;
            None for kinds without labels.
    """

    rows: int
    range: float
    max_logit_difference: float
    bound: float
    drift: float
    label_agreement: float | None

    def metrics(self) -> dict[str, float]:
        """Return the values by metric name, for tracking."""
        values = asdict(self).items()
        return {f"parity_{name}": float(value) for name, value in values if value is not None}


def check_parity(checkpoint: Checkpoint, onnx_path: Path, encoded: EncodedSplit) -> Parity:
    """Compare an ONNX file with its checkpoint: every constant, then logits on the same batches.

    Args:
        checkpoint: The checkpoint that was exported.
        onnx_path: The exported file.
        encoded: Rows to compare; at most 256 of them, evenly spaced, are used.

    Returns:
        The differences, all within their bounds.

    Raises:
        ParityError: A tensor is missing or altered, or the logits differ too much.
    """
    classifier = load_any_precision(checkpoint)
    model = onnx.load(onnx_path)
    onnx.checker.check_model(model, full_check=True)
    _check_constants(model, classifier)
    lockstep = Lockstep(classifier, model)
    session = open_session(onnx_path, threads=1)
    batches = [
        (*lockstep.logits(batch), *_run_independently(classifier, session, batch))
        for batch in _batches(encoded)
    ]
    # In lockstep: torch and ONNX Runtime; then independently: torch and ONNX Runtime.
    expected, logits, torch_logits, onnx_logits = (
        np.concatenate(part) for part in zip(*batches, strict=True)
    )
    temperature = _graph_temperature(model)
    logits, onnx_logits = logits * temperature, onnx_logits * temperature
    return require_parity(
        Parity(
            rows=len(expected),
            range=float(np.ptp(expected)),
            max_logit_difference=float(np.abs(logits - expected).max()),
            bound=MAX_RELATIVE_DIFFERENCE * max(float(np.ptp(expected)), 1.0),
            drift=float(np.abs(onnx_logits - torch_logits).mean()),
            label_agreement=_label_agreement(
                classifier.kind,
                Predictor(onnx_path.parent),
                onnx_logits / temperature,
                torch_logits / temperature,
            ),
        )
    )


def _label_agreement(
    kind: TaskKind, predictor: Predictor, logits: Array, others: Array
) -> float | None:
    if not kind.has_labels:
        return None
    predicted, other = (
        kind.predicted_targets(calibrate(predictor, values)) for values in (logits, others)
    )
    # A target may have several values.
    return float((predicted == other).reshape(len(predicted), -1).all(axis=1).mean())


def require_parity(parity: Parity) -> Parity:
    """Raise an error if a difference is out of bounds.

    Args:
        parity: The differences; NaN counts as out of bounds.

    Returns:
        The argument.

    Raises:
        ParityError: The logits differ too much.
    """
    within = (
        parity.max_logit_difference <= parity.bound
        and parity.drift <= MAX_DRIFT * max(parity.range, 1.0)
        and _labels_agree(parity)
    )
    if not within:
        raise ParityError(f"the logits of torch and ONNX Runtime differ too much: {parity}")
    return parity


def _labels_agree(parity: Parity) -> bool:
    """Return whether the agreement is compatible with a true share of `MIN_AGREEMENT`."""
    if parity.label_agreement is None:
        return True
    same = round(parity.label_agreement * parity.rows)
    test = binomtest(same, parity.rows, MIN_AGREEMENT, alternative="less")
    return bool(test.pvalue >= SIGNIFICANCE_LEVEL)


def _batches(encoded: EncodedSplit) -> Iterator[Batch]:
    sample = evenly_spaced_rows(len(encoded), _MAX_ROWS)
    for start in range(0, len(sample), _BATCH_SIZE):
        yield encoded.batch(sample[start : start + _BATCH_SIZE])


def _run_independently(
    classifier: Classifier, session: InferenceSession, batch: Batch
) -> tuple[Array, Array]:
    """Return a batch's logits of torch and of the session, each rounding its own numbers."""
    with torch.inference_mode():
        torch_logits = classifier.unit_logits(batch).numpy()
    feeds = {value.name: getattr(batch, value.name) for value in session.get_inputs()}
    return torch_logits, batch.select_units(session.run(None, feeds)[0])


def _check_constants(model: onnx.ModelProto, classifier: Classifier) -> None:
    """Compare every tensor of the checkpoint with the constant of the same name."""
    places = _graph_tensors(classifier.module)
    constants = _attributes(model, classifier.module) | _constants(model, places)
    for name, expected in _expected_constants(model, classifier, places).items():
        if name not in constants:
            raise ParityError(f"{name} is missing from the ONNX file")
        if not np.array_equal(constants[name], expected):
            raise ParityError(f"{name} in the ONNX file differs from the checkpoint")


def _expected_constants(
    model: onnx.ModelProto, classifier: Classifier, places: Mapping[str, GraphTensor]
) -> dict[str, Array]:
    """Return the checkpoint's tensors in the layout of the graph; tables may be folded."""
    inputs = tuple(value.name for value in model.graph.input)
    folded = folded_tables(classifier, inputs).values()
    positions = position_constants(classifier)
    paths = [f"{path}." for table in folded for path in table.paths]
    replaced = (*paths, *(name.removesuffix(".rows") for name in positions))
    expected = {
        name: places.get(name, GraphTensor()).layout(tensor.numpy())
        for name, tensor in packed_state(classifier).items()
        if not name.startswith(replaced)
    }
    for name in expected.keys() & set(output_scales(model)):
        expected[name] = expected[name] / np.float32(_graph_temperature(model))
    return expected | {table.name: table.rows for table in folded} | positions


def _graph_temperature(model: onnx.ModelProto) -> float:
    """Return the number that the graph has divided the classifier's logits by."""
    properties = {entry.key: entry.value for entry in model.metadata_props}
    return float(properties.get("fitted_temperature", 1.0))


def _graph_tensors(root: nn.Module) -> dict[str, GraphTensor]:
    """Return the places of tensors in the graph as their arithmetics describe them, by name."""
    return {
        f"{path}.{name}": tensor
        for path, module in modules_with_weights(root).items()
        for name, tensor in find_arithmetic(path, module).constants.items()
    }


def _constants(model: onnx.ModelProto, places: Mapping[str, GraphTensor]) -> dict[str, Array]:
    """Return the file's constants by name, splitting concatenated ones."""
    constants: dict[str, Array] = {}
    for initializer in model.graph.initializer:
        names = initializer.name.split(NAME_SEPARATOR)
        value = numpy_helper.to_array(initializer)
        whole = len(names) == 1
        parts = [value] if whole else places.get(names[0], GraphTensor()).split(value, len(names))
        constants.update(zip(names, parts, strict=True))
    return constants


def _attributes(model: onnx.ModelProto, root: nn.Module) -> dict[str, Array]:
    """Return the attributes of the modules' operators, by the names of the tensors they may be."""
    return {
        f"{path}.{attribute.name}": np.asarray(attribute.i)
        for path, node in find_products(model, root).items()
        for attribute in node.attribute
    }
