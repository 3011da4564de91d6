from __future__ import annotations

import numpy as np
import pytest

from coldpress.kinds.entity_scores import count_entities, f1, precision, recall
from coldpress.kinds.tags import find_entities, tag_names

NAMES = tag_names(("LOC", "PER"))


def counts(predicted: list[list[str]], true: list[list[str]]) -> np.ndarray:
    texts = np.repeat(np.arange(len(true)), [len(row) for row in true])
    found, expected = (
        find_entities(np.array([NAMES.index(tag) for row in rows for tag in row]), texts)
        for rows in (predicted, true)
    )
    return count_entities(found, expected, texts)


def test_an_entity_counts_if_words_and_type_are_the_same() -> None:
    true = [["B-PER", "I-PER", "O", "B-LOC"], ["O", "B-PER"], ["O"]]
    predicted = [["B-PER", "I-PER", "O", "B-PER"], ["B-PER", "I-PER"], ["O"]]
    found = counts(predicted, true)
    # The first text: the person is right, the place has the wrong type. The second: wrong words.
    assert found.tolist() == [[1, 2, 2], [0, 1, 1], [0, 0, 0]]
    total = found.sum(axis=0)
    assert float(precision(total)) == pytest.approx(1 / 3)
    assert float(recall(total)) == pytest.approx(1 / 3)
    assert float(f1(total)) == pytest.approx(1 / 3)


def test_precision_and_recall_differ() -> None:
    total = np.array([3.0, 4.0, 6.0])
    assert float(precision(total)) == 0.75
    assert float(recall(total)) == 0.5
    assert float(f1(total)) == 0.6


def test_scores_without_entities_are_0() -> None:
    nothing = np.zeros(3)
    assert (float(precision(nothing)), float(recall(nothing)), float(f1(nothing))) == (0, 0, 0)
