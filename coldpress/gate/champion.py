"""Compare the final model with the current champion."""

from __future__ import annotations

from dataclasses import dataclass

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Comparison
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.statistics.comparison import compare_outputs
from coldpress.kinds.kind import Outputs


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


def compare_with_champion(version: str, predictions: Predictions, champion: Outputs) -> Champion:
    """Compare the final model with the champion on the same rows.

    Args:
        version: The champion's name and number.
        predictions: Of the final model, on the test rows.
        champion: Outputs of the champion for the same rows, shape (rows, outputs).

    Returns:
        The champion with its comparison.
    """
    return Champion(version, _compare(version, predictions, champion))


def identical_champion(version: str, predictions: Predictions) -> Champion:
    """Return the champion if it is the final model itself: their difference is exactly zero.

    Args:
        version: The champion's name and number.
        predictions: Of the final model, on the test rows.

    Returns:
        The champion with its comparison.
    """
    comparison = _compare(version, predictions, predictions.outputs[predictions.final])
    return Champion(version, comparison.model_copy(update={"difference": paired.NO_DIFFERENCE}))


def _compare(version: str, predictions: Predictions, champion: Outputs) -> Comparison:
    final = predictions.outputs[predictions.final]
    names = ("onnx", version)
    return compare_outputs(names, predictions.kind, final, champion, predictions.targets)


def same_rows(first: Predictions, second: Predictions) -> bool:
    """Whether two evaluations have the same texts and targets, in the same order."""
    return first.ids == second.ids and first.target_texts == second.target_texts
