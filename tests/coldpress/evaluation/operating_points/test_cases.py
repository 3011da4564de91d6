"""Texts with their probabilities of a label, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from coldpress.evaluation.operating_points.cases import (
    find_cases,
    label_names,
    label_present,
    label_probabilities,
)
from coldpress.kinds import KINDS
from coldpress.kinds.tags import tag_names

TEXTS, LABELS, TOKENS = (
    KINDS[name] for name in ("text-classification", "multi-label", "token-classification")
)
NAMES = tag_names(("person", "place"))

# A text with a person of two words; a text with a place; a text without entities.
WORDS = np.array([[0, 0], [1, 0], [2, 0], [3, 1], [0, 1], [0, 2]])
PERSON = np.array([0.8, 0.9, 0.6, 0.1, 0.3, 0.2])
"""Probability of B-person plus I-person of each word."""


def test_a_label_is_present_in_rows_by_number_by_flag_or_by_the_tags_of_words() -> None:
    assert label_present(TEXTS, np.array([0, 2, 1]), 2).tolist() == [False, True, False]
    assert label_present(LABELS, np.array([[0, 1], [1, 0]]), 1).tolist() == [True, False]
    assert label_present(TOKENS, WORDS, 0).tolist() == [True, False, False]
    assert label_present(TOKENS, WORDS, 1).tolist() == [False, True, False]
    # Numbers of 0 and 1 are tags of words here, not flags.
    assert label_present(TOKENS, np.array([[1, 0], [0, 1]]), 0).tolist() == [True, False]


def test_labels_of_words_are_types() -> None:
    assert label_names(TOKENS, NAMES) == ("person", "place")
    assert label_names(TEXTS, ("clean", "toxic")) == ("clean", "toxic")


def test_probabilities_are_those_of_the_predictor() -> None:
    logits = np.array([[math.log(3), 0.0]])
    assert label_probabilities(LABELS, logits) == pytest.approx(np.array([[0.75, 0.5]]))
    assert label_probabilities(TEXTS, logits) == pytest.approx(np.array([[0.75, 0.25]]))


def test_a_word_has_a_type_with_the_probability_of_both_tags() -> None:
    """O 0.1, B-person 0.2, I-person 0.3, B-place 0.15, I-place 0.25; an unseen word has neither."""
    logits = np.log(np.array([[0.1, 0.2, 0.3, 0.15, 0.25], [1.0] * 5]))
    expected = np.array([[0.5, 0.4], [0.0, 0.0]])
    assert label_probabilities(TOKENS, logits) == pytest.approx(expected)


def test_a_text_is_found_by_its_lowest_word_and_flagged_by_its_highest() -> None:
    """A word of 0.8 outside of the person does not help to find it."""
    probabilities = np.stack([PERSON, np.zeros(6)], axis=1)
    cases = find_cases(TOKENS, probabilities, WORDS, 0)
    assert cases.present.tolist() == [True, False, False]
    assert cases.lowest.tolist() == [0.6, 0.3, 0.2]
    assert cases.highest.tolist() == [0.9, 0.3, 0.2]


def test_a_text_with_one_output_has_one_probability() -> None:
    cases = find_cases(TEXTS, np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([1, 0]), 1)
    assert cases.present.tolist() == [True, False]
    assert cases.lowest.tolist() == cases.highest.tolist() == [0.75, 0.5]
