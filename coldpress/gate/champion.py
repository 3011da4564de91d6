"""Compare the final model with the current champion."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Comparison
from coldpress.evaluation.statistics import paired

Correct = NDArray[np.bool_]


@dataclass(frozen=True)
class Champion:
    """The model that the alias `champion` names.

    Attributes:
        version: Name and number, such as `trec/3`.
        comparison: The final model against it, on the same test rows; None if they could not be
            compared.
        obstacle: The reason why not, as the end of a sentence.
    """

    version: str
    comparison: Comparison | None
    obstacle: str = ""


def compare_with_champion(
    version: str, model: Correct, champion: Correct, labels: NDArray[Any]
) -> Champion:
    """Compare the final model with the champion on the same rows.

    Args:
        version: The champion's name and number.
        model: Whether the final model predicts each row correctly, shape (rows,).
        champion: The same for the champion, shape (rows,).
        labels: True label indices, shape (rows,).

    Returns:
        The champion with its comparison.
    """
    return Champion(version, paired.compare_models(("onnx", version), model, champion, labels))


def identical_champion(version: str, correct: Correct, labels: NDArray[Any]) -> Champion:
    """Return the champion if it is the final model itself: their difference is exactly zero.

    Args:
        version: The champion's name and number.
        correct: Whether it predicts each row correctly, shape (rows,).
        labels: True label indices, shape (rows,).

    Returns:
        The champion with its comparison.
    """
    comparison = paired.compare_models(("onnx", version), correct, correct, labels)
    no_difference = {"difference": paired.NO_DIFFERENCE}
    return Champion(version, comparison.model_copy(update=no_difference))


def same_rows(first: Predictions, second: Predictions) -> bool:
    """Whether two evaluations have the same texts and labels, in the same order."""
    return first.ids == second.ids and row_labels(first) == row_labels(second)


def row_labels(predictions: Predictions) -> list[str]:
    """Return the label name of each row: models may number their labels differently."""
    return [predictions.label_names[label] for label in predictions.labels]
