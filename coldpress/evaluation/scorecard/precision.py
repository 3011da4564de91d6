"""Precision that the parts of a model are stored and computed in."""

from __future__ import annotations

from coldpress.evaluation.scorecard.base import FrozenRecord


class PartPrecision(FrozenRecord):
    """Parts of a model with the same precision.

    Attributes:
        parts: Names for reports, such as `attention of layers 1 to 6`.
        weight_bits: Bits of a stored weight.
        activation_bits: Bits of the activations; None for tables that are looked up.
        computes_in: Description of the computation.
    """

    parts: tuple[str, ...]
    weight_bits: int
    activation_bits: int | None
    computes_in: str
