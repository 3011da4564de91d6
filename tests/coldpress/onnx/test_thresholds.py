"""Thresholds are fitted to the file's own outputs and stored in its metadata."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.kinds import task_kind
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier, score
from coldpress.onnx.inference import decision_outputs, raw_logits
from coldpress.onnx.operating_points import store_operating_points
from coldpress.onnx.predictor import Predictor, sigmoid
from coldpress.onnx.temperature import calibrate_temperature
from coldpress.onnx.thresholds import store_thresholds

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]
KIND = task_kind("multi-label")


@pytest.fixture
def labelled(rows: EncodedSplit) -> EncodedSplit:
    """The twelve rows, with the first label in one half and the second in a third of them."""
    flags = [(int(n % 2 == 0), int(n % 3 == 0), 0) for n in range(12)]
    return replace(rows, targets=np.array(flags))


@pytest.fixture
def directory(tiny: Classifier, store: Store, exported: Export) -> Path:
    """An exported file of a multi-label classifier."""
    metadata = {"kind": "multi-label", "activation": "sigmoid"}
    return exported(store(tiny, "tiny"), **metadata)


def test_the_predictor_and_the_evaluation_decide_by_the_same_thresholds(
    tiny: Classifier, directory: Path, labelled: EncodedSplit
) -> None:
    calibrate_temperature(directory, labelled)
    metrics = store_thresholds(directory, labelled)
    predictor = Predictor(directory)
    margins = decision_outputs(predictor, labelled)
    assert metrics == {"validation_micro_f1": KIND.main_score(margins, labelled.targets)}
    expected = score(replace(tiny, kind=KIND), labelled)
    assert metrics["validation_micro_f1"] == pytest.approx(expected)
    (record,) = predictor.predict(["cold press"])
    scores = list(record["scores"].values())
    chosen = [s >= t for s, t in zip(scores, predictor.thresholds, strict=True)]
    assert record["labels"] == [name for name, yes in zip(tiny.labels, chosen, strict=True) if yes]


def test_the_graph_still_emits_raw_logits(
    tiny: Classifier, directory: Path, labelled: EncodedSplit
) -> None:
    store_thresholds(directory, labelled)
    logits = tiny.logits(labelled).numpy()
    assert np.allclose(raw_logits(Predictor(directory), labelled), logits, atol=1e-5)


def test_a_file_whose_largest_output_decides_gets_no_thresholds(
    tiny: Classifier, store: Store, exported: Export, rows: EncodedSplit
) -> None:
    file = exported(store(tiny, "softmax"))
    before = (file / "model.onnx").read_bytes()
    assert store_thresholds(file, rows) == {}
    assert (file / "model.onnx").read_bytes() == before


def test_operating_points_are_stored_and_change_no_prediction(
    directory: Path, labelled: EncodedSplit
) -> None:
    before = Predictor(directory).predict(["cold press", "olive"])
    first = OperatingPointSection(label="calm", max_false_positive_rate=0.5)
    second = OperatingPointSection(label="fast", min_precision=0.25)
    store_operating_points(directory, labelled, [first, second])
    predictor = Predictor(directory)
    assert [point.keys() for point in predictor.operating_points] == [
        {"label", "max_false_positive_rate", "threshold"},
        {"label", "min_precision", "threshold"},
    ]
    chosen = predictor.operating_points[0]["threshold"]
    scores = sigmoid(raw_logits(predictor, labelled).astype(np.float64))[:, 0]
    without = labelled.targets[:, 0] == 0
    assert int((scores[without] >= chosen).sum()) == 3, "half of the six rows without the label"
    assert predictor.predict(["cold press", "olive"]) == before


def test_only_models_of_entities_flag_words(directory: Path) -> None:
    with pytest.raises(ValueError, match="of kind multi-label; flags of words need token-classif"):
        Predictor(directory).flag_words(["cold press"])


def test_without_operating_points_the_file_does_not_change(
    directory: Path, labelled: EncodedSplit
) -> None:
    before = (directory / "model.onnx").read_bytes()
    store_operating_points(directory, labelled, [])
    assert (directory / "model.onnx").read_bytes() == before
    assert Predictor(directory).operating_points == []
