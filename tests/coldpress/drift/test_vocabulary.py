from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift.vocabulary import WordCounts, vocabulary_shift

ALL_KNOWN = WordCounts(np.full(4, 10), np.zeros(4, dtype=np.int64))


def test_the_effect_is_how_many_more_of_all_words_are_unknown() -> None:
    fresh = WordCounts(np.array([10, 10, 30, 10]), np.array([1, 1, 3, 1]))
    shift = vocabulary_shift(ALL_KNOWN, fresh)
    assert shift.effect == pytest.approx(0.1)
    assert shift.sentence == "Words outside the vocabulary: 0 % before, 10 % now."


def test_whole_texts_are_permuted() -> None:
    """Of the 70 ways to split 8 texts into fours, 2 separate known from unknown words."""
    fresh = WordCounts(np.full(4, 10), np.ones(4, dtype=np.int64))
    assert vocabulary_shift(ALL_KNOWN, fresh).p == pytest.approx(2 / 70)


def test_one_foreign_text_counts_as_one_text_not_ten_words() -> None:
    """Independent words would give p = 0.0007; here only one text differs."""
    fresh = WordCounts(np.full(4, 10), np.array([10, 0, 0, 0]))
    shift = vocabulary_shift(ALL_KNOWN, fresh)
    assert (shift.effect, shift.p) == (0.25, 1.0)


def test_texts_without_a_word_do_no_harm() -> None:
    empty = WordCounts(np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64))
    assert (vocabulary_shift(ALL_KNOWN, empty).effect, empty.share()) == (0.0, 0.0)
