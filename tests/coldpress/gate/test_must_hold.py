"""Nothing healthy is refused by noise, and a class that is lost is seen."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from evaluated import PARITY, compared
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.gate import Gate
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Check

TREC = (9, 138, 94, 65, 81, 113)
BANKING77 = (40,) * 77
GATE = Gate(max_drop=0.03, max_class_drop=0.1)


def answers(sizes: Sequence[int], logits: dict[str, NDArray[np.float32]]) -> Predictions:
    names = tuple(f"intent {label:02}" for label in range(len(sizes)))
    labels = np.repeat(np.arange(len(sizes)), sizes)
    return Predictions(tuple(map(str, range(len(labels)))), names, labels, logits)


def classifier(
    sizes: Sequence[int], accuracy: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """Logits of a model that errs at random: the answer has 5, the others less than 1."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    logits = random.random((len(labels), len(sizes)), dtype=np.float32)
    elsewhere = random.integers(1, len(sizes), len(labels))
    wrong = random.random(len(labels)) >= accuracy
    logits[np.arange(len(labels)), (labels + wrong * elsewhere) % len(sizes)] = 5
    return logits


def pressed(
    teacher: NDArray[np.float32], flips: float, accuracy: float, random: np.random.Generator
) -> NDArray[np.float32]:
    """A model as good as the teacher that answers other rows wrongly: it loses what it wins."""
    sizes = TREC if teacher.shape[1] == len(TREC) else BANKING77
    labels = np.repeat(np.arange(len(sizes)), sizes)
    right = teacher.argmax(axis=1) == labels
    drawn = random.random(len(labels))
    changes = np.where(right, drawn < flips / accuracy, drawn < flips / (1 - accuracy))
    target = np.where(right, labels + 1, labels) % len(sizes)
    logits = teacher.copy()
    logits[changes, target[changes]] = 9
    return logits


def class_check(found: Predictions, model: str) -> Check:
    checks = run_checks(GATE, compared(found, model), PARITY).checks
    return next(check for check in checks if check.name == "max_class_drop")


@pytest.fixture
def quick_holm() -> Iterator[None]:
    """Statsmodels collects garbage at each correction: let there be little to look through."""
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.mark.parametrize(
    ("sizes", "accuracy", "models"), [(TREC, 0.96, 200), (BANKING77, 0.92, 40)], ids=["6", "77"]
)
def test_a_model_without_loss_is_let_through(
    quick_holm: None, sizes: Sequence[int], accuracy: float, models: int
) -> None:
    random = np.random.default_rng(0)
    passed, beyond = 0, 0
    for _ in range(models):
        teacher = classifier(sizes, accuracy, random)
        model = pressed(teacher, 0.03, accuracy, random)
        check = class_check(answers(sizes, {"teacher": teacher, "onnx": model}), "onnx")
        passed += check.passed
        beyond += (check.value or 0) > check.bound
    assert passed >= 0.95 * models
    assert beyond > 0.05 * models, "the bound alone would do: nothing was tested"


def harmed(logits: NDArray[np.float32], label: int) -> NDArray[np.float32]:
    """Zero a class's row of the head, weights and bias: its logit is then 0 for every text."""
    changed = logits.copy()
    changed[:, label] = 0
    return changed


@pytest.mark.parametrize("label", [0, 40, 76])
def test_a_zeroed_class_passes_two_points_of_accuracy_and_is_refused_by_the_class_check(
    label: int,
) -> None:
    random = np.random.default_rng(1)
    teacher = classifier(BANKING77, 0.92, random)
    healthy = pressed(teacher, 0.02, 0.92, random)
    found = answers(
        BANKING77, {"teacher": teacher, "healthy": healthy, "harmed": harmed(healthy, label)}
    )
    evaluated = compared(found, "harmed")
    assert found.correct("teacher").mean() - found.correct("harmed").mean() < 0.02
    checks = {c.name: c for c in run_checks(GATE, evaluated, PARITY).checks}
    assert checks["max_drop"].passed
    assert not checks["max_class_drop"].passed
    assert checks["max_class_drop"].sentence.startswith(f"label intent {label:02} lost ")
    assert class_check(found, "healthy").passed


def test_half_a_class_is_seen_where_the_class_has_rows_enough() -> None:
    teacher = classifier(TREC, 1.0, np.random.default_rng(2))
    model = teacher.copy()
    place = slice(9 + 138 + 94, 9 + 138 + 94 + 33)
    model[place, 0] = 9
    check = class_check(answers(TREC, {"teacher": teacher, "onnx": model}), "onnx")
    assert not check.passed
    assert check.sentence.startswith(
        "label intent 03 lost 50.77 points (n = 65, adjusted p = 7e-10)"
    )
