"""Result of a re-evaluation: stored as JSON with its run."""

from __future__ import annotations

from typing import Literal

from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord
from coldpress.evaluation.scorecard.scorecard import Comparison, Interval

DriftVerdict = Literal["healthy", "drifted", "worse"]
DriftKind = Literal["labels", "answers", "length", "vocabulary", "embeddings"]


class Drift(FrozenRecord):
    """Result of one drift test: new rows against the test rows.

    Attributes:
        way: What was compared; `answers` are predicted labels, for rows without labels.
        effect: Size of the difference, from 0 to 1.
        bound: Largest effect that is not drift.
        p: Probability of an effect at least this large if nothing had changed.
        p_adjusted: p after Holm's correction over all tests.
        drifted: Whether the effect exceeds its bound and is significant.
        sentence: The result in words.
    """

    way: DriftKind
    effect: Fraction
    bound: Fraction
    p: Fraction
    p_adjusted: Fraction
    drifted: bool
    sentence: str


class ShareDifference(FrozenRecord):
    """A share, or a mean row score, of the new rows against that of the test rows.

    Attributes:
        n: New rows that were compared.
        fresh: Share or mean of the new rows.
        before: Share or mean of the test rows.
        difference: `fresh` minus `before`, of independent samples.
    """

    n: int
    fresh: Interval
    before: Interval
    difference: Interval


class AccuracyChange(FrozenRecord):
    """Accuracy on new rows against the accuracy in the scorecard.

    Attributes:
        fresh: Accuracy on all new rows.
        others: On new rows that are not test rows; None if there are none.
        same: On new rows that are test rows, now and then; None if there are none.
        worse: Whether one of the two comparisons shows a loss.
        sentence: The result in words.
        metric: Name of the metric; for kinds without classes, the mean row score.
        metric_title: Its name in sentences.
    """

    fresh: Interval
    others: ShareDifference | None
    same: Comparison | None
    worse: bool
    sentence: str
    metric: str = "accuracy"
    metric_title: str = "accuracy"


class Reevaluation(FrozenRecord):
    """Re-evaluation of a model on new rows.

    Attributes:
        model: Name and version, such as `trec/3`.
        verdict: `worse` if the model is less accurate, else `drifted` if its inputs changed.
        n: New rows.
        digest: sha256 of their ids and labels.
        judged_on: Test rows of its scorecard.
        accuracy: None if the new rows have no labels.
        agreement: Agreement with the teacher on unlabelled rows; None if they have labels or the
            teacher is missing.
        drift: One result per test.
    """

    model: str
    verdict: DriftVerdict
    n: int
    digest: str
    judged_on: int
    accuracy: AccuracyChange | None
    agreement: ShareDifference | None
    drift: tuple[Drift, ...]
