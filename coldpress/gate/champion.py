"""The judged model beside the one in service."""

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
        version: As in `trec/3`.
        comparison: The judged model against it, on the same test rows; None where they could not
            be compared.
        obstacle: Why not, as the end of a sentence.
    """

    version: str
    comparison: Comparison | None
    obstacle: str = ""


def compare_with_champion(
    version: str, model: Correct, champion: Correct, labels: NDArray[Any]
) -> Champion:
    """Compare two models that answered the same rows.

    Args:
        version: The champion's name and number.
        model: Whether the judged model answers each row rightly, shape (rows,).
        champion: The same of the champion.
        labels: What is right, shape (rows,).

    Returns:
        The champion with its comparison.
    """
    return Champion(version, paired.compare_models(("onnx", version), model, champion, labels))


def identical_champion(version: str, right: Correct, labels: NDArray[Any]) -> Champion:
    """Say of the champion that it is the judged model.

    Args:
        version: The champion's name and number.
        right: Whether it answers each row rightly, shape (rows,).
        labels: What is right, shape (rows,).

    Returns:
        The champion with its comparison.
    """
    compared = paired.compare_models(("onnx", version), right, right, labels)
    none = {"difference": paired.NO_DIFFERENCE}
    return Champion(version, compared.model_copy(update=none))


def same_rows(one: Predictions, other: Predictions) -> bool:
    """Whether two evaluations asked the same texts, in one order, with the same right answers."""
    return one.ids == other.ids and row_labels(one) == row_labels(other)


def row_labels(answers: Predictions) -> list[str]:
    """Return the name of each row's label: models may number their labels differently."""
    return [answers.label_names[label] for label in answers.labels]
