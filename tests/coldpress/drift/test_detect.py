from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift import detect as judging
from coldpress.drift.detect import detect_drift
from coldpress.drift.observations import Observations
from coldpress.drift.profile import Profile
from coldpress.drift.vocabulary import WordCounts
from coldpress.evaluation.predictions import Predictions

LABELS = ("no", "yes")


def seen(
    rows: int, seed: int, *, right: float = 0.9, yes: float = 0.5, longer: int = 0, far: float = 0.0
) -> Observations:
    """Rows of two labels, 5 to 9 words and a cloud of embeddings, that differ by chance alone."""
    random = np.random.default_rng(seed)
    labels = (random.random(rows) < yes).astype(np.int64)
    said = np.where(random.random(rows) < right, labels, 1 - labels)
    logits = np.eye(2, dtype=np.float32)[said]
    answers = Predictions(
        tuple(f"{seed}-{n}" for n in range(rows)),
        LABELS,
        labels,
        {"teacher": logits, "onnx": logits},
    )
    words = WordCounts(random.integers(5, 10, rows) + longer, random.integers(0, 2, rows))
    cloud = random.normal(size=(min(rows, 300), 4)).astype(np.float32) + np.float32(far)
    return Observations(answers, Profile(words, cloud))


def unlabelled(side: Observations) -> Observations:
    """The same rows, and nobody knows what is right."""
    given = side.answers
    return Observations(
        Predictions(given.ids, LABELS, given.labels[:0], {"onnx": given.logits["onnx"]}),
        side.portrait,
    )


def test_other_rows_of_the_same_kind_are_healthy() -> None:
    found = detect_drift("trec/3", seen(300, 0), seen(200, 1))
    assert (found.model, found.verdict, found.n, found.judged_on) == ("trec/3", "healthy", 200, 300)
    assert [one.way for one in found.drift] == ["labels", "length", "vocabulary", "embeddings"]
    assert found.accuracy is not None
    assert found.agreement is None


@pytest.mark.parametrize(
    ("change", "way"),
    [({"yes": 0.2}, "labels"), ({"longer": 1}, "length"), ({"far": 1.0}, "embeddings")],
)
def test_what_changed_is_what_drifted(change: dict[str, float], way: str) -> None:
    found = detect_drift("trec/3", seen(300, 0), seen(200, 1, **change))  # type: ignore[arg-type]
    assert found.verdict == "drifted"
    assert [one.way for one in found.drift if one.drifted] == [way]


def test_worse_answers_count_before_other_inputs() -> None:
    found = detect_drift("trec/3", seen(300, 0), seen(200, 1, right=0.6, far=1.0))
    assert found.verdict == "worse"
    assert [one.way for one in found.drift if one.drifted] == ["embeddings"]


def test_what_is_sure_and_small_is_no_drift() -> None:
    """Of 20,000 rows a shift of 5 points is no accident, and less than the tenth that counts."""
    found = detect_drift("trec/3", seen(20_000, 0), seen(20_000, 1, yes=0.55))
    labels = found.drift[0]
    assert labels.p_adjusted < 0.05
    assert 0.03 < labels.effect < labels.bound
    assert found.verdict == "healthy"


def test_what_is_large_and_may_be_chance_is_no_drift() -> None:
    found = detect_drift("trec/3", seen(30, 4), seen(30, 20))
    labels = found.drift[0]
    assert labels.effect > labels.bound
    assert labels.p_adjusted > 0.05
    assert found.verdict == "healthy"


def test_p_values_are_corrected_for_how_many_they_are() -> None:
    found = detect_drift("trec/3", seen(300, 0), seen(200, 1, far=1.0))
    p = sorted(one.p for one in found.drift)
    adjusted = sorted(one.p_adjusted for one in found.drift)
    assert adjusted[0] == pytest.approx(4 * p[0])
    assert adjusted[1] == pytest.approx(min(3 * p[1], 1.0))


def test_without_labels_the_answers_are_what_may_shift_and_nobody_says_worse() -> None:
    found = detect_drift("trec/3", seen(300, 0), unlabelled(seen(200, 1, right=0.1, yes=0.2)))
    assert (found.accuracy, found.drift[0].way, found.verdict) == (None, "answers", "drifted")
    assert found.drift[0].drifted


def test_agreement_with_the_teacher_is_told_and_not_judged() -> None:
    """When it was judged it answered all as its teacher does, and now half."""
    before, fresh = seen(300, 0), unlabelled(seen(200, 1))
    found = detect_drift("trec/3", before, fresh, as_teacher=np.arange(200) < 100)
    assert found.agreement is not None
    assert (found.agreement.fresh.estimate, found.agreement.before.estimate) == (0.5, 1.0)
    assert found.verdict == "healthy"


def test_rows_are_named_by_a_digest_that_labels_change() -> None:
    before = seen(300, 0)
    digests = [
        detect_drift("trec/3", before, side).digest
        for side in (seen(50, 1), seen(50, 1), seen(50, 2))
    ]
    assert digests[0] == digests[1] != digests[2]
    assert detect_drift("trec/3", before, unlabelled(seen(50, 1))).digest != digests[0]


def test_every_way_has_a_bound() -> None:
    assert set(judging.BOUNDS) == {"labels", "answers", "length", "vocabulary", "embeddings"}
