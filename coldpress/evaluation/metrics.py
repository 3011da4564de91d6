"""Scores of single classes, and retention of the teacher's score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    label_ranking_average_precision_score,
    precision_recall_fscore_support,
)

from coldpress.evaluation.scorecard.scorecard import ClassScore
from coldpress.kinds.kind import Outputs

LabelArray = NDArray[np.int64]
"""One label index per row, shape (rows,); or 0 or 1 for every label, shape (rows, labels)."""


def per_class(
    predicted: LabelArray, labels: LabelArray, names: Sequence[str]
) -> dict[str, ClassScore]:
    """Precision, recall and F1 of every class.

    Args:
        predicted: Predicted labels.
        labels: True labels, of the same shape.
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


def ranking_average_precision(logits: Outputs, labels: LabelArray) -> float:
    """Label ranking average precision: how many of the labels ranked above a true one are true.

    Args:
        logits: Shape (rows, labels).
        labels: 0 or 1, shape (rows, labels).

    Returns:
        Mean over the rows; a row without labels, or with all of them, counts as 1.
    """
    return float(label_ranking_average_precision_score(labels, logits))


def retention(model: float, teacher: float) -> float | None:
    """Ratio of a model's score to the teacher's; None unless the teacher's is positive."""
    return model / teacher if teacher > 0 else None


def _none_if_nan(score: float) -> float | None:
    return None if math.isnan(score) else float(score)
