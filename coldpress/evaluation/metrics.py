"""How well answers fit labels, and one model's answers another's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from coldpress.evaluation.scorecard.scorecard import ClassScore

LabelIndices = NDArray[np.int64]
"""One label index a row, shape (rows,)."""


def accuracy(predicted: LabelIndices, labels: LabelIndices) -> float:
    """Share of rows whose answer is their label.

    Args:
        predicted: Shape (rows,).
        labels: Shape (rows,).

    Returns:
        A fraction.
    """
    return float(accuracy_score(labels, predicted))


def macro_f1(predicted: LabelIndices, labels: LabelIndices) -> float:
    """Mean F1 over the classes that are among the labels or the answers.

    Args:
        predicted: Shape (rows,).
        labels: Shape (rows,).

    Returns:
        A fraction.
    """
    return float(f1_score(labels, predicted, average="macro"))


def per_class(
    predicted: LabelIndices, labels: LabelIndices, names: Sequence[str]
) -> dict[str, ClassScore]:
    """Precision, recall and F1 of every class.

    Args:
        predicted: Shape (rows,).
        labels: Shape (rows,).
        names: Label names, in the order of their indices.

    Returns:
        One score a name; what has no denominator is None.
    """
    scores = precision_recall_fscore_support(
        labels, predicted, labels=range(len(names)), zero_division=np.nan
    )
    return {
        name: ClassScore(
            n=int(n), precision=_none_if_nan(p), recall=_none_if_nan(r), f1=_none_if_nan(f1)
        )
        for name, p, r, f1, n in zip(names, *scores, strict=True)
    }


def agreement(predicted: LabelIndices, teacher: LabelIndices) -> float:
    """Share of rows that two models answer alike, rightly or not.

    Args:
        predicted: Shape (rows,).
        teacher: Shape (rows,).

    Returns:
        A fraction.
    """
    return float((predicted == teacher).mean())


def retention(own: float, teacher: float) -> float | None:
    """What is left of the teacher's accuracy.

    Args:
        own: Accuracy of the model.
        teacher: Accuracy of the teacher.

    Returns:
        Their ratio, or None for a teacher that is never right.
    """
    return own / teacher if teacher else None


def _none_if_nan(score: float) -> float | None:
    return None if math.isnan(score) else float(score)
