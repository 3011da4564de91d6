"""Record of a form in which an index can store vectors."""

from __future__ import annotations

from typing import Literal

from coldpress.evaluation.scorecard.base import FrozenRecord

FormName = Literal["float32", "int8", "binary", "binary, rescored", "binary, rescored by int8"]


class VectorForm(FrozenRecord):
    """Search in a corpus whose vectors are stored in one form.

    Attributes:
        name: The form, and what the first hits are ranked by again, if anything.
        bytes: Size of all vectors of the corpus.
        score: The gated metric.
        retention: The metric divided by that of float32 vectors; None if that is 0.
        queries_per_second: Exact search by numpy for one query after another, without the model.
    """

    name: FormName
    bytes: int
    score: float
    retention: float | None
    queries_per_second: float
