"""Agreement of two models' answers, by the definitions of the task kinds."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from coldpress.kinds.correlation import spearman as scipy_spearman
from coldpress.onnx.predictor import Predictor
from flows.serving.agreement import BLOCK_TEXTS, Agreement, new_agreement, spearman


def of(kind: str, activation: str = "softmax", vectors: bool = False) -> Agreement:
    form = SimpleNamespace(kind=kind, activation=activation, returns_vectors=vectors)
    return new_agreement(cast("Predictor", form))


def labels(*names: str) -> list[dict[str, Any]]:
    return [{"label": name} for name in names]


def test_labels_agree_by_the_share_of_equal_ones() -> None:
    agreement = of("text-classification")
    assert agreement.value() is None
    agreement.add(labels("on", "no", "a"), labels("on", "on", "a"))
    agreement.add(labels("no"), labels("no"))
    assert agreement.value() == 3 / 4


def test_sets_of_labels_agree_as_a_whole_in_any_order() -> None:
    agreement = of("multi-label", "sigmoid")
    records: list[dict[str, Any]] = [
        {"labels": ["a", "b"]},
        {"labels": []},
        {"labels": ["a"]},
        {"labels": ["a"]},
    ]
    other_records: list[dict[str, Any]] = [
        {"labels": ["b", "a"]},
        {"labels": []},
        {"labels": ["a", "b"]},
        {"labels": ["b"]},
    ]
    agreement.add(records, other_records)
    assert agreement.value() == 2 / 4


def test_numbers_agree_by_the_correlation_over_all_requests() -> None:
    agreement = of("regression", "none")
    for score, other in ((0.1, 5.0), (0.2, 9.0), (0.3, 7.0)):
        agreement.add([{"score": score}], [{"score": other}])
    assert agreement.value() == pytest.approx(0.5)  # ranks 1 2 3 and 1 3 2


def test_entities_agree_by_the_share_of_words_with_equal_tags() -> None:
    text = "Anna Berg in Oslo ."
    person = {"start": 0, "end": 9, "label": "person"}
    first, last = {**person, "end": 4}, {**person, "start": 5}
    agreement = of("token-classification")
    agreement.add([{"text": text, "entities": [person]}], [{"text": text, "entities": [first]}])
    assert agreement.value() == 4 / 5  # Berg continues the entity, and has none
    agreement.add(
        [{"text": text, "entities": [person]}], [{"text": text, "entities": [first, last]}]
    )
    assert agreement.value() == 8 / 10  # Berg continues the entity, and begins another


def test_rankings_agree_by_the_mean_correlation_of_the_queries() -> None:
    def rows(**scores: list[float]) -> list[dict[str, Any]]:
        return [{"text": query, "score": s} for query, values in scores.items() for s in values]

    agreement = of("ranking", "none")
    agreement.add(rows(single=[1.0]), rows(single=[2.0]))
    assert agreement.value() is None
    agreement.add(rows(a=[1, 2, 3], b=[1, 2]), rows(a=[3, 2, 1], b=[5, 6]))
    agreement.add(rows(a=[1, 1, 1]), rows(a=[1, 1, 1]))
    assert agreement.value() == pytest.approx((-1 + 1 + 1) / 3)


def test_vectors_agree_by_the_nearest_texts_in_common() -> None:
    """In a circle the ten nearest are five to each side; times 51, only even steps stay near."""

    def circle(step: int) -> list[dict[str, Any]]:
        angles = [2 * math.pi * step * i / BLOCK_TEXTS for i in range(BLOCK_TEXTS)]
        return [{"text": "secret", "vector": [math.cos(a), math.sin(a)]} for a in angles]

    turned = [{"vector": [7 * r["vector"][1], 7 * r["vector"][0], 0.0]} for r in circle(1)]
    agreement = of("sentence-embedding", "none", vectors=True)
    agreement.add(circle(1)[:-1], turned[:-1])
    assert agreement.value() is None
    agreement.add(circle(1)[-1:], turned[-1:])
    assert agreement.value() == 1.0
    agreement.add(circle(1), circle(51))
    assert agreement.value() == pytest.approx((1.0 + 0.4) / 2)  # 2 and 4 steps to each side


def test_the_correlation_is_that_of_the_kinds_with_equal_values() -> None:
    first = np.array([1.0, 2, 2, 3, 5, 5, 5, 0])
    second = np.array([3.0, 3, 1, 4, 4, 9, 9, 0])
    assert spearman(first, second) == pytest.approx(scipy_spearman(first, second))
    assert spearman(first, first) == 1.0
