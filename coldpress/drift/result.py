"""What re-evaluation says of a model: kept as JSON with its run."""

from __future__ import annotations

from typing import Literal

from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord
from coldpress.evaluation.scorecard.scorecard import Comparison, Interval

DriftVerdict = Literal["healthy", "drifted", "worse"]
DriftKind = Literal["labels", "answers", "length", "vocabulary", "embeddings"]


class Drift(FrozenRecord):
    """One way in which fresh rows may differ from those that the model was judged on.

    Attributes:
        way: What was compared. Of rows without labels it is the model's answers.
        effect: How far they are apart, from 0 to 1.
        bound: What the effect must be above to count.
        p: The chance of so much by accident, had nothing changed.
        p_adjusted: The same after Holm, over all ways.
        drifted: Whether the effect is above its bound, and no accident.
        sentence: In words, for a person who must decide.
    """

    way: DriftKind
    effect: Fraction
    bound: Fraction
    p: Fraction
    p_adjusted: Fraction
    drifted: bool
    sentence: str


class ShareDifference(FrozenRecord):
    """A share of the fresh rows against the same share of the rows that the model was judged on.

    Attributes:
        n: Fresh rows that count here.
        fresh: Of these.
        before: Of the rows that it was judged on.
        difference: Fresh minus before, as of two samples that have nothing to do with each other.
    """

    n: int
    fresh: Interval
    before: Interval
    difference: Interval


class AccuracyChange(FrozenRecord):
    """Whether the model answers as rightly as its scorecard says.

    Attributes:
        fresh: Accuracy on all fresh rows.
        others: Of the fresh rows that it was not judged on; None where there are none.
        same: Of those that it was, then and now; None where there are none.
        worse: Whether one of the two shows that it lost.
        sentence: In words.
    """

    fresh: Interval
    others: ShareDifference | None
    same: Comparison | None
    worse: bool
    sentence: str


class Reevaluation(FrozenRecord):
    """A model on fresh rows.

    Attributes:
        model: As in `trec/3`.
        verdict: `worse` where it is less accurate, else `drifted` where its inputs are others.
        n: Fresh rows.
        digest: sha256 of their ids and labels.
        judged_on: Rows that its scorecard is of.
        accuracy: None where the fresh rows have no labels.
        agreement: With its teacher, where they have none; None where they have, or it is gone.
        drift: One record a way.
    """

    model: str
    verdict: DriftVerdict
    n: int
    digest: str
    judged_on: int
    accuracy: AccuracyChange | None
    agreement: ShareDifference | None
    drift: tuple[Drift, ...]
