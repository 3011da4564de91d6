"""A model is called better only if the difference is significant."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from coldpress.evaluation.scorecard.scorecard import Comparison
from coldpress.evaluation.statistics import paired
from coldpress.evaluation.wording import points, significance_verdict, snap_to_count
from coldpress.gate import Gate
from coldpress.gate.champion import Champion
from coldpress.gate.checks import run_checks
from tests.support.evaluations import PARITY, comparison, evaluation

LABELS = np.repeat([0, 1], 30)


def of_sixty(gains: int, losses: int) -> Comparison:
    """Two models on 60 rows of two classes, with the rows that only one predicts correctly."""
    model: NDArray[np.bool_] = np.ones(60, dtype=bool)
    baseline = model.copy()
    baseline[:gains] = False
    model[60 - losses :] = False
    return paired.compare_models(("onnx", "trec/3"), model, baseline, LABELS)


def test_one_more_correct_row_of_sixty_is_not_better() -> None:
    result = of_sixty(gains=1, losses=0)
    assert result.difference.estimate == 1 / 60
    assert result.difference.low == 0.0
    assert result.mcnemar_p == 1.0
    assert significance_verdict(result) == "not shown to differ"
    verdict = run_checks(
        Gate(max_champion_drop=0.0), evaluation(), PARITY, Champion("trec/3", result)
    )
    assert verdict.checks[1].passed
    assert not any("better" in check.sentence for check in verdict.checks)


def test_an_interval_without_zero_is_not_enough_where_five_rows_decide() -> None:
    result = of_sixty(gains=5, losses=0)
    assert result.difference.low > 0
    assert result.mcnemar_p == 2 * 0.5**5
    assert significance_verdict(result) == "not shown to differ"


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.02), (-0.02, 0.0)])
def test_an_interval_with_zero_is_worded_as_no_difference(low: float, high: float) -> None:
    assert significance_verdict(comparison(low, high, p=0.01)) == "not shown to differ"


@pytest.mark.parametrize(("gains", "losses", "expected"), [(12, 0, "better"), (0, 12, "worse")])
def test_twelve_rows_of_sixty_are_a_difference(gains: int, losses: int, expected: str) -> None:
    assert significance_verdict(of_sixty(gains, losses)) == expected


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.03, "3"), (-0.028, "-2.8"), (1 / 3, "33.33"), (-0.00001, "0"), (-0.0, "0"), (1.0, "100")],
)
def test_points_have_no_trailing_zeros(fraction: float, text: str) -> None:
    assert points(fraction) == text


def test_only_counts_of_rows_are_rounded() -> None:
    assert snap_to_count(0.7 - 0.8, 10) == -0.1
    assert snap_to_count(0.123, 10) == 0.123
