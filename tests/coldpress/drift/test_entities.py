"""Drift of texts with entities, with and without tags."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift.detect import agreement_scores, detect_drift
from coldpress.drift.observations import Observations
from coldpress.drift.profile import Profile
from coldpress.drift.vocabulary import WordCounts
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import KINDS

KIND = KINDS["token-classification"]
NAMES = ("O", "B-LOC", "I-LOC", "B-PER", "I-PER")
TEXTS = 200


def texts_like(
    seed: int, *, places: float, accuracy: float = 0.9, tagged: bool = True
) -> Observations:
    """Texts of three words, of which the second may be a place and the third a person."""
    random = np.random.default_rng(seed)
    tags = np.zeros((TEXTS, 3), dtype=np.int64)
    tags[:, 1] = np.where(random.random(TEXTS) < places, 1, 0)
    tags[:, 2] = np.where(random.random(TEXTS) < 0.3, 3, 0)
    right = random.random(tags.shape) < accuracy
    logits = np.eye(5, dtype=np.float32)[np.where(right, tags, 0).ravel()]
    targets = np.stack([tags.ravel(), np.repeat(np.arange(TEXTS), 3)], axis=1)
    predictions = Predictions(
        tuple(f"{seed}-{n}" for n in range(TEXTS)),
        KIND,
        NAMES,
        targets if tagged else targets[:0],
        {"teacher": np.eye(5, dtype=np.float32)[tags.ravel()], "onnx": logits},
        units=(3,) * TEXTS,
    )
    words = WordCounts(random.integers(5, 10, TEXTS), random.integers(0, 2, TEXTS))
    embeddings = random.normal(size=(TEXTS, 4)).astype(np.float32)
    return Observations(predictions, Profile(words, embeddings))


@pytest.mark.parametrize("tagged", [True, False])
def test_texts_from_the_same_distribution_are_healthy(tagged: bool) -> None:
    result = detect_drift(
        "names/3", texts_like(0, places=0.4), texts_like(1, places=0.4, tagged=tagged)
    )
    assert result.verdict == "healthy"


@pytest.mark.parametrize(("tagged", "way"), [(True, "labels"), (False, "answers")])
def test_a_type_that_occurs_in_more_texts_is_drift(tagged: bool, way: str) -> None:
    result = detect_drift(
        "names/3", texts_like(0, places=0.2), texts_like(1, places=0.7, tagged=tagged)
    )
    drift = next(test for test in result.drift if test.way == way)
    assert drift.drifted
    assert drift.sentence.startswith("LOC changed most, from ")


def test_a_model_that_finds_fewer_entities_is_worse() -> None:
    fresh = texts_like(1, places=0.4, accuracy=0.5)
    result = detect_drift("names/3", texts_like(0, places=0.4), fresh)
    assert result.verdict == "worse"
    assert result.accuracy is not None
    assert "200 texts outside its test split" in result.accuracy.sentence


def test_agreement_with_the_teacher_is_that_of_entities_in_each_text() -> None:
    predictions = texts_like(0, places=0.4, tagged=False).predictions
    teacher = predictions.outputs["teacher"]
    scores = agreement_scores(predictions, "onnx", teacher, 1.0)
    assert scores.shape == (TEXTS,)
    assert agreement_scores(predictions, "teacher", teacher, 1.0).tolist() == [1.0] * TEXTS
    assert 0.7 < scores.mean() < 1
