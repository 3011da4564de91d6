"""Result of a test that compares new rows with earlier rows."""

from __future__ import annotations

from dataclasses import dataclass

RESAMPLES = 999
"""Of each resampling test: the smallest possible p is 1 / 1000."""
SEED = 0


@dataclass(frozen=True)
class Shift:
    """Result of one drift test.

    Attributes:
        effect: Size of the change from 0 to 1; each test defines its own scale.
        p: Probability of an effect at least this large if nothing had changed.
        sentence: The result in words.
    """

    effect: float
    p: float
    sentence: str
