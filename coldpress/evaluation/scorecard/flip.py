"""Record of a test sample that compression lost."""

from __future__ import annotations

from coldpress.evaluation.scorecard.base import Fraction, FrozenRecord


class Flip(FrozenRecord):
    """A test sample, such as a row, that the teacher predicts well and the final model does not.

    Attributes:
        id: Id of the sample's first row.
        text: First text.
        text_pair: Second text of a pair.
        label: True label or number.
        answer: Label or number that the final model predicts.
        score: Its probability of that label; None except for classification.
        lost_at: First model of the pipeline from which on all predictions are wrong.
    """

    id: str
    text: str
    text_pair: str | None
    label: str
    answer: str
    score: Fraction | None
    lost_at: str
