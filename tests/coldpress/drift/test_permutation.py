"""Samples of several rows are permuted as a whole."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ks_2samp

from coldpress.drift.embeddings import embedding_shift
from coldpress.drift.length import length_shift
from coldpress.drift.permutation import RowSamples, distance_p_value
from coldpress.drift.shift import RESAMPLES
from coldpress.drift.vocabulary import WordCounts

ROWS_OF_SAMPLE = 6


def samples_of_rows(before: int, fresh: int) -> RowSamples:
    """Samples of six rows each."""
    return RowSamples(*(np.repeat(np.arange(n), ROWS_OF_SAMPLE) for n in (before, fresh)))


def test_the_rows_of_a_sample_stay_together() -> None:
    samples = RowSamples(np.array([0, 0, 1]), np.array([0, 0, 0]))
    real, *permuted = samples.memberships()
    assert real.tolist() == [True, True, True, False, False, False]
    assert len(permuted) == RESAMPLES
    assert {tuple(mask.tolist()) for mask in permuted} == {
        (True, True, True, False, False, False),
        (True, True, False, True, True, True),
        (False, False, True, True, True, True),
    }


def test_samples_of_a_single_row_are_those_of_rows() -> None:
    rows = RowSamples.of_rows(3, 2)
    assert not rows.have_several_rows
    assert samples_of_rows(2, 1).have_several_rows
    taken = RowSamples(np.array([0, 0, 4, 4, 7]), np.array([3, 3])).take([0, 2, 3], [1])
    assert (taken.before.tolist(), taken.fresh.tolist()) == ([0, 1, 1], [0])


def test_the_distance_is_that_of_kolmogorov_and_smirnov() -> None:
    """Of all 20 partitions of six values into halves, 2 have the largest distance, which is 1."""
    values = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    p = distance_p_value(values[:3], values[3:], RowSamples.of_rows(3, 3))
    assert p == pytest.approx(ks_2samp(values[:3], values[3:]).pvalue, abs=0.03)
    assert p == pytest.approx(0.1, abs=0.03)


def test_equal_values_are_no_distance() -> None:
    assert distance_p_value(np.ones(4), np.ones(4), RowSamples.of_rows(4, 4)) == 1.0


def test_rows_that_resemble_each_other_are_no_evidence_of_drift() -> None:
    """Twenty queries whose six texts have about the length of the query, on either side."""
    random = np.random.default_rng(3)
    before, fresh = (
        np.repeat(random.integers(5, 40, 20), ROWS_OF_SAMPLE) + random.integers(0, 2, 120)
        for _ in range(2)
    )
    as_rows = length_shift(before, fresh)
    as_samples = length_shift(before, fresh, samples_of_rows(20, 20))
    assert as_samples.effect == as_rows.effect
    assert as_rows.p < 0.05
    assert as_samples.p > 0.2


def test_vectors_of_a_sample_are_permuted_together() -> None:
    random = np.random.default_rng(0)
    centres = random.normal(size=(40, 3)).repeat(ROWS_OF_SAMPLE, axis=0)
    vectors = (centres + random.normal(0, 0.01, centres.shape)).astype(np.float32)
    as_rows = embedding_shift(vectors[:120], vectors[120:])
    as_samples = embedding_shift(vectors[:120], vectors[120:], samples_of_rows(20, 20))
    assert as_samples.effect == as_rows.effect
    assert as_rows.p < 0.05
    assert as_samples.p > 0.1


def test_a_shift_of_all_samples_is_found() -> None:
    random = np.random.default_rng(0)
    centres = random.normal(size=(40, 3)).repeat(ROWS_OF_SAMPLE, axis=0).astype(np.float32)
    moved = embedding_shift(centres[:120], centres[120:] + 2, samples_of_rows(20, 20))
    longer = np.repeat(np.arange(20), ROWS_OF_SAMPLE)
    assert moved.p == pytest.approx(0.001)
    assert length_shift(longer, longer + 15, samples_of_rows(20, 20)).p < 0.01


def test_words_are_counted_by_sample() -> None:
    counts = WordCounts(np.array([3, 4, 5]), np.array([1, 0, 2])).by_sample(np.array([0, 1, 0]))
    assert (counts.total.tolist(), counts.unknown.tolist()) == ([8, 4], [3, 0])
