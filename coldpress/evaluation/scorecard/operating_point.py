"""Records of a label at a fixed threshold; field names are those of the JSON report."""

from __future__ import annotations

from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord


class ExactShare(FrozenRecord):
    """A share of rows with its exact 95 % interval (Clopper & Pearson).

    Attributes:
        n: Rows of which it is a share.
        estimate: The share.
        low: Lower end of the interval.
        high: Upper end.
    """

    n: int
    estimate: Fraction
    low: Fraction
    high: Fraction


class ShareChange(FrozenRecord):
    """A share of rows minus the teacher's on the same rows.

    Attributes:
        estimate: The difference.
        low: Lower end of its paired 95 % interval.
        high: Upper end.
        p: p-value of the one-sided exact McNemar test of a loss.
    """

    estimate: float
    low: float
    high: float
    p: Fraction


class OperatingPoint(FrozenRecord):
    """A label at a threshold that was fixed on validation, on the test rows.

    If the model predicts each word, rows are texts and labels are types of entities: a text with
    the type is found if all of its words of the type are, and flagged if any word is.

    Attributes:
        label: Name of the label.
        max_false_positive_rate: Condition that the threshold keeps on validation.
        min_precision: Condition in place of the other.
        threshold: Probability from which on the label is predicted.
        recall: Share of the rows with the label that get it.
        false_positive_rate: Share of the rows without the label that get it, for any word.
        precision: Share of rows with the label among those that get it; None if none does.
        recall_change: Against the teacher at its own threshold; None for the teacher.
        false_positive_rate_change: The same for the false-positive rate.
    """

    label: str
    max_false_positive_rate: Fraction | None
    min_precision: Fraction | None
    threshold: Fraction
    recall: ExactShare
    false_positive_rate: ExactShare
    precision: Fraction | None
    recall_change: ShareChange | None = None
    false_positive_rate_change: ShareChange | None = None

    @property
    def condition(self) -> str:
        """What the threshold keeps on validation, in words."""
        if self.min_precision is None:
            rate = 100 * (self.max_false_positive_rate or 0.0)
            return f"a false-positive rate of at most {rate:g} %"
        return f"a precision of at least {100 * self.min_precision:g} %"
