from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift import detect
from coldpress.drift.detect import detect_drift
from coldpress.drift.observations import Observations
from coldpress.drift.profile import Profile
from coldpress.drift.vocabulary import WordCounts
from coldpress.evaluation.predictions import Predictions
from coldpress.kinds import TEXT_CLASSIFICATION

LABELS = ("no", "yes")


def rows_like(
    rows: int,
    seed: int,
    *,
    accuracy: float = 0.9,
    yes: float = 0.5,
    longer: int = 0,
    far: float = 0.0,
) -> Observations:
    """Rows with two labels, 5 to 9 words and normal embeddings; seeds differ by chance alone."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < yes).astype(np.int64)
    predicted = np.where(random.random(rows) < accuracy, labels, 1 - labels)
    logits = np.eye(2, dtype=np.float32)[predicted]
    predictions = Predictions(
        tuple(f"{seed}-{n}" for n in range(rows)),
        TEXT_CLASSIFICATION,
        LABELS,
        labels,
        {"teacher": logits, "onnx": logits},
    )
    words = WordCounts(random.integers(5, 10, rows) + longer, random.integers(0, 2, rows))
    embeddings = random.normal(size=(min(rows, 300), 4)).astype(np.float32) + np.float32(far)
    return Observations(predictions, Profile(words, embeddings))


def unlabelled(side: Observations) -> Observations:
    """The same rows without labels."""
    labelled = side.predictions
    return Observations(
        Predictions(
            labelled.ids,
            TEXT_CLASSIFICATION,
            LABELS,
            labelled.targets[:0],
            {"onnx": labelled.outputs["onnx"]},
        ),
        side.profile,
    )


def test_rows_from_the_same_distribution_are_healthy() -> None:
    result = detect_drift("trec/3", rows_like(300, 0), rows_like(200, 1))
    assert (result.model, result.verdict, result.n, result.judged_on) == (
        "trec/3",
        "healthy",
        200,
        300,
    )
    assert [test.way for test in result.drift] == ["labels", "length", "vocabulary", "embeddings"]
    assert result.accuracy is not None
    assert result.agreement is None


@pytest.mark.parametrize(
    ("change", "way"),
    [({"yes": 0.2}, "labels"), ({"longer": 1}, "length"), ({"far": 1.0}, "embeddings")],
)
def test_only_the_changed_property_drifts(change: dict[str, float], way: str) -> None:
    result = detect_drift("trec/3", rows_like(300, 0), rows_like(200, 1, **change))  # type: ignore[arg-type]
    assert result.verdict == "drifted"
    assert [test.way for test in result.drift if test.drifted] == [way]


def test_worse_takes_precedence_over_drifted() -> None:
    result = detect_drift("trec/3", rows_like(300, 0), rows_like(200, 1, accuracy=0.6, far=1.0))
    assert result.verdict == "worse"
    assert [test.way for test in result.drift if test.drifted] == ["embeddings"]


def test_a_significant_small_effect_is_not_drift() -> None:
    """With 20,000 rows a shift of 5 points is significant, but below the bound of 10 points."""
    result = detect_drift("trec/3", rows_like(20_000, 0), rows_like(20_000, 1, yes=0.55))
    labels = result.drift[0]
    assert labels.p_adjusted < 0.05
    assert 0.03 < labels.effect < labels.bound
    assert result.verdict == "healthy"


def test_a_large_insignificant_effect_is_not_drift() -> None:
    result = detect_drift("trec/3", rows_like(30, 4), rows_like(30, 20))
    labels = result.drift[0]
    assert labels.effect > labels.bound
    assert labels.p_adjusted > 0.05
    assert result.verdict == "healthy"


def test_p_values_are_adjusted_by_holm() -> None:
    result = detect_drift("trec/3", rows_like(300, 0), rows_like(200, 1, far=1.0))
    p = sorted(test.p for test in result.drift)
    adjusted = sorted(test.p_adjusted for test in result.drift)
    assert adjusted[0] == pytest.approx(4 * p[0])
    assert adjusted[1] == pytest.approx(min(3 * p[1], 1.0))


def test_without_labels_predictions_are_tested_and_accuracy_is_not() -> None:
    result = detect_drift(
        "trec/3", rows_like(300, 0), unlabelled(rows_like(200, 1, accuracy=0.1, yes=0.2))
    )
    assert (result.accuracy, result.drift[0].way, result.verdict) == (None, "answers", "drifted")
    assert result.drift[0].drifted


def test_agreement_with_the_teacher_does_not_change_the_verdict() -> None:
    """Model and teacher agreed on all test rows, and on half of the new rows."""
    before, fresh = rows_like(300, 0), unlabelled(rows_like(200, 1))
    same = (np.arange(200) < 100).astype(np.float64)
    result = detect_drift("trec/3", before, fresh, teacher_agreement=same)
    assert result.agreement is not None
    assert (result.agreement.fresh.estimate, result.agreement.before.estimate) == (0.5, 1.0)
    assert result.verdict == "healthy"


def test_the_digest_depends_on_rows_and_labels() -> None:
    before = rows_like(300, 0)
    digests = [
        detect_drift("trec/3", before, side).digest
        for side in (rows_like(50, 1), rows_like(50, 1), rows_like(50, 2))
    ]
    assert digests[0] == digests[1] != digests[2]
    assert detect_drift("trec/3", before, unlabelled(rows_like(50, 1))).digest != digests[0]


def test_every_kind_of_drift_has_a_bound() -> None:
    assert set(detect.BOUNDS) == {"labels", "answers", "length", "vocabulary", "embeddings"}
