"""Operating points of two models on rows whose counts are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from coldpress.data.encoding import EncodedSplit
from coldpress.data.splits import Split
from coldpress.evaluation.candidate import Candidate
from coldpress.evaluation.operating_points.measure import measure_points
from coldpress.evaluation.operating_points.section import OperatingPointSection
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import KINDS

TOXIC = OperatingPointSection(label="toxic", max_false_positive_rate=0.25)
TARGETS = np.array([1, 1, 1, 0, 0, 0, 0])
VALIDATION = Split(("a", "b", "c", "d"), ("a", "b", "c", "d"), None, (1, 0, 0, 0))
NO_ROWS = EncodedSplit((), (), np.zeros(0, dtype=np.int64), truncated=0, pad_id=0)


def candidate(
    name: str, validation: list[float], thresholds: tuple[float, ...] | None
) -> Candidate:
    """A model that gives the validation rows these probabilities of the label."""
    return Candidate(
        name=name,
        parent=None,
        runtime="onnxruntime",
        test=NO_ROWS,
        encode=lambda split: replace(NO_ROWS, targets=split.target_array),
        outputs=lambda _: logits(validation),
        forward=None,
        end_to_end=None,
        bytes=1,
        parameters=1,
        macs_per_token=1,
        point_thresholds=thresholds,
    )


def test_recall_and_false_positive_rate_are_counted_and_compared_with_the_teachers() -> None:
    """The teacher finds all three and flags one of four; the model finds one and flags none.

    The teacher's threshold is chosen on validation, the model's is stored in its file.
    """
    teacher = logits([0.9, 0.9, 0.9, 0.9, 0.1, 0.1, 0.1])
    final = logits([0.9, 0.5, 0.5, 0.5, 0.1, 0.1, 0.1])
    outputs = {"teacher": teacher, "onnx": final}
    ids = tuple(map(str, range(7)))
    labels = ("clean", "toxic")
    predictions = Predictions(ids, KINDS["text-classification"], labels, TARGETS, outputs)
    models = [
        candidate("teacher", [0.9, 0.82, 0.3, 0.2], None),
        candidate("onnx", [0.5, 0.5, 0.5, 0.5], (0.6,)),
    ]
    points = measure_points([TOXIC], models, predictions, VALIDATION)
    (theirs,), (ours,) = points["teacher"], points["onnx"]
    assert theirs.threshold == pytest.approx(0.86)
    assert (theirs.recall.estimate, theirs.false_positive_rate.estimate) == (1, 1 / 4)
    assert theirs.recall_change is None
    assert (ours.threshold, ours.precision) == (0.6, 1)
    assert (ours.recall.n, ours.recall.estimate) == (3, 1 / 3)
    assert ours.false_positive_rate.estimate == 0
    assert ours.recall_change is not None
    assert ours.recall_change.estimate == pytest.approx(-2 / 3)
    assert ours.recall_change.p == 1 / 4
    assert ours.false_positive_rate_change is not None
    assert ours.false_positive_rate_change.estimate == -1 / 4
    assert ours.false_positive_rate_change.p == 1


def logits(probabilities: list[float]) -> np.ndarray:
    values = np.array(probabilities)
    return np.stack([np.zeros(len(values)), np.log(values / (1 - values))], axis=1).astype(
        np.float32
    )
