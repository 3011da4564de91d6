"""Texts that an operating point tells apart: with a label or without, and its probabilities.

If a model predicts each word, a label is a type of entities, and a word has it with the sum of the
probabilities of its two tags. Words of one text are not independent, so texts are counted: one with
the type is found if all of its words of the type reach the threshold, one without is flagged if any
word does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.kinds.kind import Outputs, TargetArray, TaskKind
from coldpress.kinds.tags import entity_types

Probabilities = NDArray[np.float64]
Texts = NDArray[np.bool_]


@dataclass(frozen=True)
class Cases:
    """Texts and their probabilities of a label.

    Attributes:
        present: Whether each text has the label, shape (texts,).
        highest: Probability of each text's label; of words, the largest. Shape (texts,).
        lowest: The same, but of words with the label the smallest: from this threshold down, all of
            them are found. Shape (texts,).
    """

    present: Texts
    highest: Probabilities
    lowest: Probabilities


def label_names(kind: TaskKind, names: Sequence[str]) -> tuple[str, ...]:
    """Return the labels that can have operating points.

    Args:
        kind: Task kind of a model.
        names: Of its outputs.
    """
    return entity_types(names) if kind.head == "tokens" else tuple(names)


def label_present(kind: TaskKind, targets: TargetArray, label: int) -> Texts:
    """Return whether each text has a label, shape (texts,).

    Args:
        kind: Task kind of the targets.
        targets: As in `Split.target_array`.
        label: Number of the label in `label_names`.
    """
    if kind.head == "tokens":
        present = np.zeros(int(targets[:, 1].max(initial=-1)) + 1, dtype=bool)
        present[targets[_words_with(targets, label), 1]] = True
        return present
    return np.asarray(targets[:, label] == 1 if targets.ndim == 2 else targets == label)


def label_probabilities(kind: TaskKind, logits: Outputs) -> Probabilities:
    """Return the probability of every label, as a prediction contains it.

    Args:
        kind: Task kind of the model.
        logits: Divided by the temperature, shape (units, outputs).

    Returns:
        Shape (units, labels); 0 for words that the model does not see, whose logits are all 0.
    """
    from scipy.special import expit, softmax  # slow to import, and recipes need only the labels

    values = logits.astype(np.float64)
    if kind.activation == "sigmoid":
        return np.asarray(expit(values))
    probabilities = np.asarray(softmax(values, axis=1))
    if kind.head != "tokens":
        return probabilities
    probabilities[~values.any(axis=1)] = 0.0
    return np.asarray(probabilities[:, 1::2] + probabilities[:, 2::2])


def find_cases(
    kind: TaskKind, probabilities: Probabilities, targets: TargetArray, label: int
) -> Cases:
    """Collect the probabilities of a label by text.

    Args:
        kind: Task kind of the model.
        probabilities: Of `label_probabilities`.
        targets: Of the same units.
        label: Number of the label.
    """
    present = label_present(kind, targets, label)
    scores = probabilities[:, label]
    if kind.head != "tokens":
        return Cases(present, scores, scores)
    texts = targets[:, 1]
    highest = np.zeros(len(present))
    np.maximum.at(highest, texts, scores)
    lowest = np.where(present, 1.0, highest)
    words = _words_with(targets, label)
    np.minimum.at(lowest, texts[words], scores[words])
    return Cases(present, highest, lowest)


def _words_with(targets: TargetArray, label: int) -> Texts:
    """Return whether the tag of each word is one of a type, shape (words,)."""
    return np.asarray((targets[:, 0] - 1) // 2 == label)
