"""Summaries of sweeps, compared with scipy and with numbers worked out by hand."""

from __future__ import annotations

import pytest
from scipy import stats

from coldpress.search.summary import SweepRun, summarize


def runs(method: str, scores: list[float]) -> list[SweepRun]:
    return [
        SweepRun({"seed": seed, "method": method}, f"{method}-{seed}", score, p50_ms=seed + 1.0)
        for seed, score in enumerate(scores)
    ]


def test_mean_and_spread_of_seeds() -> None:
    (setting,) = summarize(runs("a", [0.8, 0.9, 1.0]))
    assert setting.values == {"method": "a"}
    assert setting.runs == 3
    assert setting.mean == pytest.approx(0.9)
    assert setting.deviation == pytest.approx(0.1)
    assert setting.p50_ms == 2.0
    assert (setting.retention, setting.bytes, setting.passed, setting.test) == (None,) * 4


def test_settings_are_compared_with_the_first_by_seed() -> None:
    first, second = [0.80, 0.85, 0.90, 0.86], [0.82, 0.86, 0.93, 0.87]
    test = summarize(runs("a", first) + runs("b", second))[1].test
    expected = stats.ttest_rel(second, first)
    interval = expected.confidence_interval()
    assert test is not None
    assert test.p_value == pytest.approx(expected.pvalue)
    assert (test.low, test.high) == pytest.approx((interval.low, interval.high))
    assert test.difference == pytest.approx(0.0175)


def test_p_values_are_adjusted_for_several_settings() -> None:
    first, second = [0.80, 0.85, 0.90, 0.86], [0.82, 0.86, 0.93, 0.87]
    alone = summarize(runs("a", first) + runs("b", second))[1].test
    among = summarize(runs("a", first) + runs("b", second) + runs("c", first))[1].test
    assert alone is not None
    assert among is not None
    assert among.p_value == pytest.approx(2 * alone.p_value)


def test_only_seeds_of_both_settings_are_compared() -> None:
    settings = summarize(runs("a", [0.8, 0.9, 0.7]) + runs("b", [0.9, 0.9]))
    assert settings[1].test is not None
    assert settings[1].test.seeds == 2
    assert settings[1].test.difference == pytest.approx(0.05)


def test_a_single_seed_has_no_spread_and_no_test() -> None:
    settings = summarize(runs("a", [0.8]) + runs("b", [0.9]))
    assert settings[0].deviation is None
    assert settings[1].test is None
