"""Precision, recall and F1 of entities, strict: words and type must be the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.tags import Entities, IntArray

Counts = NDArray[np.float64]
"""Correct, predicted and true entities, shape (..., 3)."""


def count_entities(predicted: Entities, true: Entities, texts: IntArray) -> Counts:
    """Count the entities of each text.

    Args:
        predicted: Entities of a model.
        true: Entities of the same words.
        texts: Number of each word's text, from 0, shape (words,).

    Returns:
        Correct, predicted and true entities, shape (texts, 3).
    """
    count = int(texts.max(initial=-1)) + 1
    correct = predicted.first[predicted.are_in(true)]
    columns = [texts[words] for words in (correct, predicted.first, true.first)]
    return np.stack([np.bincount(column, minlength=count) for column in columns], axis=-1).astype(
        np.float64
    )


def precision(counts: Counts) -> NDArray[np.float64]:
    """Return the share of the predicted entities that are correct, shape (...); 0 without any."""
    return _ratio(counts[..., 0], counts[..., 1])


def recall(counts: Counts) -> NDArray[np.float64]:
    """Return the share of the true entities that were predicted, shape (...); 0 without any."""
    return _ratio(counts[..., 0], counts[..., 2])


def f1(counts: Counts) -> NDArray[np.float64]:
    """Return the harmonic mean of precision and recall, shape (...); 0 without any entity."""
    return _ratio(2 * counts[..., 0], counts[..., 1] + counts[..., 2])


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    result: NDArray[np.float64] = np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
    return result
