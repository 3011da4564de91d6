from __future__ import annotations

import numpy as np
import pytest

from coldpress.drift.vocabulary import WordCounts, vocabulary_shift

KNOWN = WordCounts(np.full(4, 10), np.zeros(4, dtype=np.int64))


def test_the_effect_is_how_many_more_of_all_words_are_unknown() -> None:
    fresh = WordCounts(np.array([10, 10, 30, 10]), np.array([1, 1, 3, 1]))
    found = vocabulary_shift(KNOWN, fresh)
    assert found.effect == pytest.approx(0.1)
    assert found.sentence == "Of the words, 0 % were not in the vocabulary, and 10 % are not now."


def test_the_p_value_is_that_of_dealing_whole_texts() -> None:
    """Of the 70 ways to deal 8 texts into two fours, 2 part the known from the others."""
    fresh = WordCounts(np.full(4, 10), np.ones(4, dtype=np.int64))
    assert vocabulary_shift(KNOWN, fresh).p == pytest.approx(2 / 70)


def test_one_text_in_another_tongue_is_one_text_and_not_ten_words() -> None:
    """Words taken for independent would give p = 0.0007; the text had to be on some side."""
    fresh = WordCounts(np.full(4, 10), np.array([10, 0, 0, 0]))
    found = vocabulary_shift(KNOWN, fresh)
    assert (found.effect, found.p) == (0.25, 1.0)


def test_texts_without_a_word_do_no_harm() -> None:
    nothing = WordCounts(np.zeros(4, dtype=np.int64), np.zeros(4, dtype=np.int64))
    assert (vocabulary_shift(KNOWN, nothing).effect, nothing.share()) == (0.0, 0.0)
