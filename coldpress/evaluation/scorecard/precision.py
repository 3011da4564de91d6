"""What the parts of a model are stored and computed in."""

from __future__ import annotations

from coldpress.evaluation.scorecard.base import FrozenRecord


class PartPrecision(FrozenRecord):
    """Parts of a model whose numbers are treated alike.

    Attributes:
        parts: What a reader calls them, as in `attention of layers 1 to 6`.
        weight_bits: Of a weight in the file.
        activation_bits: Of what weights are multiplied with; None where they are looked up.
        computes_in: What is multiplied or looked up, in words.
    """

    parts: tuple[str, ...]
    weight_bits: int
    activation_bits: int | None
    computes_in: str
