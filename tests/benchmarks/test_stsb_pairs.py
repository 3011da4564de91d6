"""Unlabelled pairs: similar sentences of one collection, each time the same."""

from __future__ import annotations

import random

from stsb_pairs import NEAR, distinct_sentences, pair_sentences

SENTENCES = [
    "a cat sleeps on a sofa",
    "a cat sleeps on the sofa",
    "shares fell in early trade",
    "shares rose in early trade",
]


def test_a_sentence_is_paired_with_the_most_similar_one() -> None:
    pairs = pair_sentences(SENTENCES, 10, [(0, 1)], random.Random(0))
    assert {frozenset(pair) for pair in pairs} == {
        frozenset(SENTENCES[:2]),
        frozenset(SENTENCES[2:]),
    }


def test_pairs_are_distinct_limited_and_the_same_each_time() -> None:
    pairs = pair_sentences(SENTENCES, 5, NEAR, random.Random(0))
    assert len(set(pairs)) == 5
    assert all(first != second for first, second in pairs)
    assert pairs == pair_sentences(SENTENCES, 5, NEAR, random.Random(0))


def test_a_sentence_is_never_paired_with_itself() -> None:
    pairs = pair_sentences(SENTENCES, 50, [None] * 8, random.Random(0))
    assert all(first != second for first, second in pairs)


def test_sentences_are_distinct_and_neither_short_nor_long() -> None:
    texts = ["one two", "one  two three", "one two three", "word " * 31]
    assert distinct_sentences(texts) == ["one two three"]
