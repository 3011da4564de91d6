"""Intervals of the first metric of a single model."""

from __future__ import annotations

import numpy as np
import pytest

from coldpress.evaluation.statistics.score_interval import outputs_interval
from coldpress.kinds import TEXT_CLASSIFICATION


def test_an_accuracy_has_wilsons_interval() -> None:
    """9 of 10 rows: Wilson's score interval is 0.5958 to 0.9821 (Agresti & Coull 1998)."""
    outputs = np.tile(np.array([[1.0, 0.0]], dtype=np.float32), (10, 1))
    interval = outputs_interval(TEXT_CLASSIFICATION, outputs, np.array([0] * 9 + [1]))
    assert interval.estimate == pytest.approx(0.9)
    assert (interval.low, interval.high) == pytest.approx((0.5958, 0.9821), abs=1e-4)
