"""The temperature is fitted to the file's own logits and folded into its last layer."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import ParityError
from coldpress.evaluation.calibration import calibration_error, fit_temperature
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.inference import raw_logits
from coldpress.onnx.metadata import write_metadata
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import Predictor, softmax
from coldpress.onnx.temperature import calibrate_temperature
from coldpress.quantization import DynamicInt8, KBit, StaticInt8, WeightOnly
from coldpress.quantization.method import Quantization
from tests.support.training_contexts import label_context

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]
METHODS = [
    None,
    DynamicInt8(method="dynamic-int8", weight_bits=7),
    StaticInt8(method="static-int8", weight_bits=7),
    KBit(method="k-bit", bits=4),
    WeightOnly(method="weight-only", bits=8, block_size=32, activations="float32"),
]


@pytest.fixture
def checkpoint(tiny: Classifier, store: Store) -> Checkpoint:
    return store(tiny, "tiny")


def properties(directory: Path) -> dict[str, str]:
    return {p.key: p.value for p in onnx.load(directory / "model.onnx").metadata_props}


def test_the_file_has_the_temperature_that_fits_its_own_logits(
    tiny: Classifier, checkpoint: Checkpoint, exported: Export, rows: EncodedSplit
) -> None:
    directory = exported(checkpoint)
    calibration = calibrate_temperature(directory, rows)
    logits = tiny.logits(rows).numpy()
    expected = fit_temperature(logits, rows.targets)
    assert expected > 1.5, "an untrained model should be overconfident"
    assert calibration.temperature == pytest.approx(expected, rel=1e-3)
    predictor = Predictor(directory)
    assert (predictor.temperature, predictor.fitted_temperature) == (1.0, calibration.temperature)
    assert calibration.before == pytest.approx(calibration_error(logits, rows.targets), abs=1e-5)
    divided = logits / calibration.temperature
    assert calibration.after == pytest.approx(calibration_error(divided, rows.targets), abs=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_graph_emits_calibrated_logits_and_nothing_divides_them_again(
    method: Quantization | None,
    tiny: Classifier,
    store: Store,
    exported: Export,
    rows: EncodedSplit,
) -> None:
    final = tiny if method is None else method.quantize(tiny, label_context(rows))
    checkpoint = store(final, "final")
    directory = exported(checkpoint)
    logits = raw_logits(Predictor(directory), rows).astype(np.float64)
    temperature = calibrate_temperature(directory, rows).temperature
    assert temperature > 1.5
    predictor = Predictor(directory)
    np.testing.assert_allclose(raw_logits(predictor, rows), logits / temperature, atol=1e-5)
    (record,) = predictor.predict(["cold"])
    expected = softmax(logits[:1] / temperature)[0].tolist()
    assert list(record["scores"].values()) == pytest.approx(expected, abs=1e-6)
    assert check_parity(checkpoint, directory / "model.onnx", rows).max_logit_difference < 1e-4


def test_a_file_with_a_temperature_in_its_metadata_has_the_same_probabilities(
    checkpoint: Checkpoint, exported: Export, rows: EncodedSplit
) -> None:
    """As files have that were registered before the temperature was folded."""
    directory = exported(checkpoint)
    earlier = shutil.copytree(directory, directory.with_name("earlier"))
    temperature = calibrate_temperature(directory, rows).temperature
    write_metadata(earlier / "model.onnx", "temperature", str(temperature))
    folded, divided = (Predictor(path).predict(["cold", "oil"]) for path in (directory, earlier))
    assert Predictor(earlier).fitted_temperature == temperature
    for new, old in zip(folded, divided, strict=True):
        assert new["scores"] == pytest.approx(old["scores"], abs=1e-6)


def test_without_constants_to_divide_the_predictor_divides(
    checkpoint: Checkpoint, exported: Export, rows: EncodedSplit
) -> None:
    directory = exported(checkpoint)
    model = onnx.load(directory / "model.onnx")
    (product,) = [node for node in model.graph.node if "classifier.weight" in node.input]
    model.graph.node.insert(0, onnx.helper.make_node("Neg", ["classifier.weight"], ["negative"]))
    product.input[1] = "negative"
    onnx.save(model, directory / "model.onnx")
    before = raw_logits(Predictor(directory), rows)
    temperature = calibrate_temperature(directory, rows).temperature
    predictor = Predictor(directory)
    np.testing.assert_array_equal(raw_logits(predictor, rows), before)
    assert (predictor.temperature, predictor.fitted_temperature) == (temperature, temperature)


def test_the_final_file_passes_parity_and_is_the_same_each_time(
    checkpoint: Checkpoint, exported: Export, rows: EncodedSplit
) -> None:
    directory = exported(checkpoint, recipe="it")
    again = shutil.copytree(directory, directory.with_name("again"))
    plain = properties(directory)
    for path in (directory, again):
        temperature = calibrate_temperature(path, rows).temperature
    assert properties(directory) == {**plain, "fitted_temperature": str(temperature)}
    assert check_parity(checkpoint, directory / "model.onnx", rows).max_logit_difference < 1e-5
    first, second = ((path / "model.onnx").read_bytes() for path in (directory, again))
    assert first == second


def test_parity_compares_what_was_divided(
    checkpoint: Checkpoint, exported: Export, rows: EncodedSplit
) -> None:
    path = exported(checkpoint) / "model.onnx"
    calibrate_temperature(path.parent, rows)
    write_metadata(path, "fitted_temperature", "1.25")
    with pytest.raises(ParityError, match=r"classifier\.(bias|weight) in the ONNX file differs"):
        check_parity(checkpoint, path, rows)


def test_metrics(checkpoint: Checkpoint, exported: Export, rows: EncodedSplit) -> None:
    calibration = calibrate_temperature(exported(checkpoint), rows)
    assert calibration.metrics() == {
        "temperature": calibration.temperature,
        "validation_calibration_error_before": calibration.before,
        "validation_calibration_error_after": calibration.after,
    }
