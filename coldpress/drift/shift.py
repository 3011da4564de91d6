"""What a comparison of fresh rows with earlier ones finds."""

from __future__ import annotations

from dataclasses import dataclass

RESAMPLES = 999
"""Of each test that resamples: the smallest p is then 1 / 1000."""
SEED = 0


@dataclass(frozen=True)
class Shift:
    """One way in which rows may have changed.

    Attributes:
        effect: How far, on a scale from 0 to 1 that each test says of itself.
        p: The chance of so much by accident, had nothing changed.
        sentence: In words, for a person who must decide.
    """

    effect: float
    p: float
    sentence: str
