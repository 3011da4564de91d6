"""Probabilities of labels as the logits of soft targets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldpress.teacher.answers.label_values import (
    distribution_logits,
    independent_logits,
    read_probabilities,
)

LABELS = ("a", "b", "c", "d")


def test_what_the_most_probable_labels_lack_is_spread_over_the_others() -> None:
    logits = distribution_logits({"b": 0.7, "a": 0.2}, LABELS, "here")
    assert np.exp(logits) == pytest.approx([0.2, 0.7, 0.05, 0.05])


def test_log_probabilities_are_natural_logarithms() -> None:
    numbers = {"a": -0.6931472, "b": -1.3862944, "c": None}
    assert read_probabilities(numbers, LABELS, "log-probabilities", "here") == pytest.approx(
        {"a": 0.5, "b": 0.25}
    )


def test_rounded_probabilities_are_divided_by_their_sum() -> None:
    logits = distribution_logits({"a": 0.34, "b": 0.34, "c": 0.34, "d": 0.0}, LABELS, "here")
    assert np.exp(logits) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1e-6])


def test_an_independent_label_that_is_not_named_has_almost_no_probability() -> None:
    logits = independent_logits({"a": 0.75, "b": 1.0}, LABELS)
    assert logits == pytest.approx([np.log(3), np.log(1e6), -np.log(1e6), -np.log(1e6)], abs=1e-4)


@given(st.lists(st.floats(1e-3, 1.0), min_size=4, max_size=4))
def test_a_whole_distribution_is_kept(weights: list[float]) -> None:
    shares = np.array(weights) / np.sum(weights)
    logits = distribution_logits(dict(zip(LABELS, shares.tolist(), strict=True)), LABELS, "here")
    assert np.exp(logits) == pytest.approx(shares, rel=1e-4)
