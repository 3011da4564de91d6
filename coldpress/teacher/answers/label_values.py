"""Answers that give labels probabilities, as the logits that soft targets are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coldpress.errors import InputError
from coldpress.kinds.finite_number import finite_number
from coldpress.schema.quoting import quote_names

Scale = Literal["probabilities", "log-probabilities"]
Logits = NDArray[np.float32]

SUM_TOLERANCE = 0.02
"""Largest difference of a sum of probabilities from 1, for answers with rounded numbers."""
MIN_PROBABILITY = 1e-6
"""Smaller probabilities are raised to it: the logarithm of 0 is not finite."""


def read_probabilities(
    value: object, labels: Sequence[str], scale: Scale, place: str
) -> dict[str, float]:
    """Read the numbers of an answer as probabilities.

    Args:
        value: A mapping from labels to numbers; null means that a label is not in the answer.
        labels: All labels.
        scale: Scale of the numbers.
        place: File, row and column, for the message.

    Returns:
        The probability of each label that the answer names: from 0 to 1.

    Raises:
        InputError: It is no mapping, names no label or an unknown one, or a number is out of range.
    """
    if not isinstance(value, Mapping):
        found = "null" if value is None else type(value).__name__
        raise InputError(f"{place} is {found}, not a mapping from labels to {scale}")
    numbers = {str(label): number for label, number in value.items() if number is not None}
    if not numbers:
        raise InputError(f"{place} names no label")
    unknown = next((label for label in numbers if label not in labels), None)
    if unknown is not None:
        raise InputError(
            f"{place} has the unknown label {unknown!r}; labels are {quote_names(labels)}"
        )
    return {
        label: _read_probability(number, scale, f"{place}: {label!r}")
        for label, number in numbers.items()
    }


def _read_probability(value: object, scale: Scale, place: str) -> float:
    number = finite_number(value, place)
    if scale == "log-probabilities":
        if number > 0:
            raise InputError(f"{place} is {number:g}, but a log-probability is at most 0")
        return math.exp(number)
    if not 0 <= number <= 1:
        raise InputError(f"{place} is {number:g}, not a probability from 0 to 1")
    return number


def distribution_logits(
    probabilities: Mapping[str, float], labels: Sequence[str], place: str
) -> Logits:
    """Return the logarithms of the probabilities of labels of which one applies.

    What the answer's probabilities lack to 1 is spread evenly over the labels that it does not
    name: an API returns the most probable ones only.

    Args:
        probabilities: By label, of all labels or of some.
        labels: All labels, in the order of the result.
        place: File, row and column, for the message.

    Returns:
        Shape (labels,).

    Raises:
        InputError: The sum is above 1, or below 1 although all labels are named.
    """
    total = sum(probabilities.values())
    missing = [label for label in labels if label not in probabilities]
    if total > 1 + SUM_TOLERANCE or (not missing and total < 1 - SUM_TOLERANCE):
        raise InputError(f"{place}: the probabilities sum to {total:.4g}, not 1")
    rest = max(0.0, 1 - total) / max(1, len(missing))
    values = np.array([probabilities.get(label, rest) for label in labels])
    floored = np.maximum(values / values.sum(), MIN_PROBABILITY)
    return np.asarray(np.log(floored), dtype=np.float32)


def independent_logits(probabilities: Mapping[str, float], labels: Sequence[str]) -> Logits:
    """Return log(p / (1 - p)) of the probabilities of labels of which any number apply.

    Args:
        probabilities: By label; a label that is missing has the probability 0.
        labels: All labels, in the order of the result.

    Returns:
        Shape (labels,).
    """
    values = np.array([probabilities.get(label, 0.0) for label in labels])
    inside = np.clip(values, MIN_PROBABILITY, 1 - MIN_PROBABILITY)
    return np.asarray(np.log(inside) - np.log1p(-inside), dtype=np.float32)
