"""Texts without tags: names are exchanged for others of their type."""

from __future__ import annotations

import random

from wnut_texts import exchange_names, find_names, split_words


def test_names_are_found_by_their_first_tag() -> None:
    tags = ["B-person", "B-person", "I-person", "O", "B-group", "I-person"]
    assert find_names(tags) == [(0, 1, "person"), (1, 3, "person"), (4, 5, "group")]


def test_a_name_is_replaced_by_one_of_its_type_and_of_any_length() -> None:
    rows = [
        {"tokens": ["meet", "Ann", "in", "Rome"], "tags": ["O", "B-person", "O", "B-place"]},
        {"tokens": ["Bo", "Li", "called"], "tags": ["B-person", "I-person", "O"]},
        {"tokens": ["nobody", "called"], "tags": ["O", "O"]},
    ]
    texts = set(exchange_names(rows, 20, random.Random(0)))
    assert texts == {("meet", "Bo", "Li", "in", "Rome"), ("Ann", "called")}


def test_punctuation_marks_are_words() -> None:
    assert split_words("Tom's here, @Ann!") == ("Tom's", "here", ",", "@", "Ann", "!")
