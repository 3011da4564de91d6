"""Sentences that claim no more than intervals and tests do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldpress.evaluation.scorecard.scorecard import Comparison, Interval
from coldpress.report import sentences
from tests.support import examples


def test_the_headline_has_size_speed_and_accuracy() -> None:
    assert sentences.headline(examples.findings()) == (
        "4.2 MB, 21.6x smaller than its teacher; 0.31 ms per text, 21.9x faster; accuracy "
        "94.8 % (92.5 to 96.4) on 500 test texts, not shown to differ from its teacher "
        "(\u22120.4 points, \u22121.8 to +1.0)."
    )


def test_an_untimed_model_has_no_speed_in_its_headline() -> None:
    findings = examples.bare()
    models = dict(findings.evaluation.models)
    models["onnx"] = models["onnx"].model_copy(update={"latency_ms": None})
    untimed = findings.evaluation.model_copy(update={"models": models})
    assert " ms" not in sentences.headline(replace(findings, evaluation=untimed))


@pytest.mark.parametrize(
    ("wins", "losses", "low", "high", "p", "sentence"),
    [
        (6, 5, -0.01, 0.014, 1.0, "a and b are not shown to differ."),
        (30, 5, 0.03, 0.07, 0.0002, "a is more accurate than b, by 5.0 points."),
        (5, 30, -0.07, -0.03, 0.0002, "a is less accurate than b, by 5.0 points."),
        (0, 0, 0.0, 0.0, 1.0, "a and b are correct on the same rows."),
        # One more correct row of 60: the bootstrap's lower bound is 0.
        (1, 0, 0.0, 0.05, 1.0, "a and b are not shown to differ."),
        # Four of 500 rows differ, all in one direction: the interval excludes 0, p is 0.125.
        (4, 0, 0.002, 0.016, 0.125, "a and b are not shown to differ."),
    ],
)
def test_a_comparison_in_words(
    wins: int, losses: int, low: float, high: float, p: float, sentence: str
) -> None:
    assert sentences.comparison(examples.compared("a", "b", wins, losses, low, high, p)) == sentence


@given(st.floats(-1, 0), st.floats(0, 1), st.floats(0, 1), st.integers(0, 99), st.integers(0, 99))
def test_no_model_is_called_better_when_the_interval_includes_none(
    low: float, high: float, p: float, wins: int, losses: int
) -> None:
    pair = Comparison(
        model="a",
        baseline="b",
        n=500,
        difference=Interval(estimate=high / 2, low=low, high=high),
        mcnemar_p=p,
        only_model_right=wins,
        only_baseline_right=losses,
    )
    assert "accurate" not in sentences.comparison(pair)
