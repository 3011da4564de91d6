"""Quality metrics of predictions, and agreement of two models."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, precision_recall_fscore_support

from coldpress.evaluation.scorecard.scorecard import ClassScore

LabelIndices = NDArray[np.int64]
"""One label index per row, shape (rows,)."""


def accuracy(predicted: LabelIndices, labels: LabelIndices) -> float:
    """Share of rows that are predicted correctly.

    Args:
        predicted: Shape (rows,).
        labels: Shape (rows,).

    Returns:
        A fraction.
    """
    return float(accuracy_score(labels, predicted))


def macro_f1(predicted: LabelIndices, labels: LabelIndices) -> float:
    """Mean F1 over the classes that occur among labels or predictions.

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
        One score per name; a score without a denominator is None.
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
    """Share of rows for which two models predict the same label, correct or not.

    Args:
        predicted: Shape (rows,).
        teacher: Shape (rows,).

    Returns:
        A fraction.
    """
    return float((predicted == teacher).mean())


def retention(model: float, teacher: float) -> float | None:
    """Ratio of a model's accuracy to the teacher's; None if the teacher's is 0."""
    return model / teacher if teacher else None


def _none_if_nan(score: float) -> float | None:
    return None if math.isnan(score) else float(score)
