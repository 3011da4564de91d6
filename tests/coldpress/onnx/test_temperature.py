"""The temperature is fitted to the file's own logits, and nothing else in the file changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.calibration import calibration_error, fit_temperature
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.inference import raw_logits
from coldpress.onnx.parity import check_parity
from coldpress.onnx.predictor import Predictor, softmax
from coldpress.onnx.temperature import calibrate_temperature

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]


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
    assert Predictor(directory).temperature == calibration.temperature
    assert calibration.before == pytest.approx(calibration_error(logits, rows.targets), abs=1e-5)
    divided = logits / calibration.temperature
    assert calibration.after == pytest.approx(calibration_error(divided, rows.targets), abs=1e-5)


def test_the_graph_still_emits_raw_logits_and_the_predictor_divides(
    tiny: Classifier, checkpoint: Checkpoint, exported: Export, rows: EncodedSplit
) -> None:
    directory = exported(checkpoint)
    temperature = calibrate_temperature(directory, rows).temperature
    predictor = Predictor(directory)
    logits = tiny.logits(rows).double().numpy()
    assert np.allclose(raw_logits(predictor, rows), logits, atol=1e-5)
    (record,) = predictor.predict(["cold"])
    expected = softmax(logits[:1] / temperature)[0].tolist()
    assert list(record["scores"].values()) == pytest.approx(expected, abs=1e-6)


def test_the_final_file_passes_parity_and_is_the_same_each_time(
    checkpoint: Checkpoint, exported: Export, rows: EncodedSplit
) -> None:
    directory = exported(checkpoint, recipe="it")
    plain = properties(directory)
    calibrate_temperature(directory, rows)
    first = (directory / "model.onnx").read_bytes()
    assert properties(directory) == {**plain, "temperature": properties(directory)["temperature"]}
    assert check_parity(checkpoint, directory / "model.onnx", rows).max_logit_difference < 1e-5
    calibrate_temperature(directory, rows)
    assert (directory / "model.onnx").read_bytes() == first


def test_metrics(checkpoint: Checkpoint, exported: Export, rows: EncodedSplit) -> None:
    calibration = calibrate_temperature(exported(checkpoint), rows)
    assert calibration.metrics() == {
        "temperature": calibration.temperature,
        "validation_calibration_error_before": calibration.before,
        "validation_calibration_error_after": calibration.after,
    }
