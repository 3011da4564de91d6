"""A lossless model is not refused by noise, and a lost class is detected."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.gate import Gate
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Check
from coldpress.kinds import TEXT_CLASSIFICATION
from tests.support.evaluations import PARITY, compared

TREC = (9, 138, 94, 65, 81, 113)
BANKING77 = (40,) * 77
GATE = Gate(max_drop=0.03, max_class_drop=0.1)


def predict_with(sizes: Sequence[int], logits: dict[str, NDArray[np.float32]]) -> Predictions:
    names = tuple(f"intent {label:02}" for label in range(len(sizes)))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return Predictions(
        tuple(map(str, range(len(labels)))), TEXT_CLASSIFICATION, names, labels, logits
    )


def classifier(
    sizes: Sequence[int], accuracy: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Logits of a model with random errors: 5 for its prediction, less than 1 for the others."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    logits = random.random((len(labels), len(sizes)), dtype=np.float32)
    elsewhere = random.integers(1, len(sizes), len(labels))
    wrong = random.random(len(labels)) >= accuracy
    logits[np.arange(len(labels)), (labels + wrong * elsewhere) % len(sizes)] = 5
    return logits


def student(
    teacher: NDArray[np.float32], flips: float, accuracy: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """A model as accurate as the teacher that is wrong on other rows: it loses what it wins."""
    sizes = TREC if teacher.shape[1] == len(TREC) else BANKING77
    labels = np.repeat(np.arange(len(sizes)), sizes)
    correct = teacher.argmax(axis=1) == labels
    uniform = random.random(len(labels))
    changes = np.where(correct, uniform < flips / accuracy, uniform < flips / (1 - accuracy))
    target = np.where(correct, labels + 1, labels) % len(sizes)
    logits = teacher.copy()
    logits[changes, target[changes]] = 9
    return logits


def class_check(predictions: Predictions, model: str) -> Check:
    checks = run_checks(GATE, compared(predictions, model), PARITY).checks
    return next(check for check in checks if check.name == "max_class_drop")


@pytest.fixture
def quick_holm() -> Iterator[None]:
    """Statsmodels collects garbage at each correction: leave it few objects to scan."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize(
    ("sizes", "accuracy", "models"), [(TREC, 0.96, 200), (BANKING77, 0.92, 40)], ids=["6", "77"]
)
def test_a_lossless_model_passes(
    quick_holm: None, sizes: Sequence[int], accuracy: float, models: int
) -> None:
    random = np.random.default_rng(0)
    passed = 0
    beyond = 0
    for _ in range(models):
        teacher = classifier(sizes, accuracy, random)
        model = student(teacher, 0.03, accuracy, random)
        check = class_check(predict_with(sizes, {"teacher": teacher, "onnx": model}), "onnx")
        passed += check.passed
        beyond += (check.value or 0) > check.bound
    assert passed >= 0.95 * models
    assert beyond > 0.05 * models, "the bound alone would pass them: nothing was tested"


def harmed(logits: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """Zero the head of a class, weights and bias: its logit is then 0 for every text."""
    changed = logits.copy()
    changed[:, label] = 0
    return changed


@pytest.mark.parametrize("label", [0, 40, 76])
def test_a_zeroed_class_passes_two_points_of_accuracy_and_is_refused_by_the_class_check(
    label: int,
) -> None:
    random = np.random.default_rng(1)
    teacher = classifier(BANKING77, 0.92, random)
    healthy = student(teacher, 0.02, 0.92, random)
    predictions = predict_with(
        BANKING77, {"teacher": teacher, "healthy": healthy, "harmed": harmed(healthy, label)}
    )
    evaluated = compared(predictions, "harmed")
    assert (
        predictions.sample_scores("teacher").mean() - predictions.sample_scores("harmed").mean()
        < 0.02
    )
    checks = {c.name: c for c in run_checks(GATE, evaluated, PARITY).checks}
    assert checks["max_drop"].passed
    assert not checks["max_class_drop"].passed
    assert checks["max_class_drop"].sentence.startswith(f"label intent {label:02} lost ")
    assert class_check(predictions, "healthy").passed


def test_a_lost_half_class_is_detected_with_enough_rows() -> None:
    teacher = classifier(TREC, 1.0, np.random.default_rng(2))
    model = teacher.copy()
    place = slice(9 + 138 + 94, 9 + 138 + 94 + 33)
    model[place, 0] = 9
    check = class_check(predict_with(TREC, {"teacher": teacher, "onnx": model}), "onnx")
    assert not check.passed
    assert check.sentence.startswith(
        "label intent 03 lost 50.77 points (n = 65, adjusted p = 7e-10)"
    )
