"""Scores of single classes, and retention of the teacher's score."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import precision_recall_fscore_support

from coldpress.evaluation.scorecard.scorecard import ClassScore

LabelIndices = NDArray[np.int64]
"""One label index per row, shape (rows,)."""


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


def retention(model: float, teacher: float) -> float | None:
    """Ratio of a model's score to the teacher's; None unless the teacher's is positive."""
    return model / teacher if teacher > 0 else None


def _none_if_nan(score: float) -> float | None:
    return None if math.isnan(score) else float(score)
