"""A lossless multi-label model is not refused by noise, and a lost label is detected."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.gate import Gate
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Check
from coldpress.kinds import task_kind
from tests.support.evaluations import PARITY, compared

NAMES = tuple(f"label {number}" for number in range(10))
SHARES = np.linspace(0.05, 0.3, 10)
ROWS = 2000
GATE = Gate(max_drop=0.03, max_class_drop=0.1)
Margins = NDArray[np.float32]


def checks_of(targets: NDArray[np.int64], teacher: Margins, model: Margins) -> dict[str, Check]:
    ids = tuple(map(str, range(ROWS)))
    outputs = {"teacher": teacher, "onnx": model}
    predictions = Predictions(ids, task_kind("multi-label"), NAMES, targets, outputs)
    checks = run_checks(GATE, compared(predictions, "onnx"), PARITY).checks
    return {check.name: check for check in checks}


def draw(seed: int) -> tuple[NDArray[np.int64], Margins, Margins]:
    """Targets, a teacher, and a model as good as it that is wrong about other labels."""
    random = np.random.default_rng(seed)
    targets = (random.random((ROWS, len(NAMES))) < SHARES).astype(np.int64)
    models = [
        np.where(random.random(targets.shape) < np.where(targets == 1, 0.3, 0.05), -1, 1)
        for _ in range(2)
    ]
    signs = 2 * targets - 1
    teacher, other = (np.asarray(signs * right, dtype=np.float32) for right in models)
    # Half of the rows are predicted as by the teacher.
    same = random.random((ROWS, 1)) < 0.5
    return targets, teacher, np.where(same, teacher, other)


def test_a_lossless_model_passes() -> None:
    verdicts = [checks_of(*draw(seed)) for seed in range(20)]
    assert sum(checks["max_drop"].passed for checks in verdicts) >= 19
    assert sum(checks["max_class_drop"].passed for checks in verdicts) >= 19


@pytest.mark.parametrize("label", [0, 9])
def test_a_label_that_lost_a_third_of_its_recall_is_refused(label: int) -> None:
    """The first label has about 100 rows, the last about 600: 70 % recall become 47 %."""
    refused = 0
    for seed in range(10):
        targets, teacher, model = draw(seed)
        lost = np.random.default_rng(100 + seed).random(ROWS) < 1 / 3
        model[lost, label] = -1
        check = checks_of(targets, teacher, model)["max_class_drop"]
        refused += not check.passed and check.sentence.startswith(f"label label {label} lost ")
    assert refused == 10
