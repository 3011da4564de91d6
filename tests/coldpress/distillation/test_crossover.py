from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from coldpress.data.splits import WordSpans
from coldpress.data.words import join_words, split_words
from coldpress.distillation.crossover import cross_rows, cross_texts
from tests.support.unlabelled_rows import unlabelled_rows

WORDS = st.lists(st.sampled_from(["a", "bb", "it", "s", "?"]), min_size=1, max_size=6)


def cross(first: str, second: str, seed: int) -> str:
    rng = np.random.default_rng(seed)
    return cross_texts((first, split_words(first)), (second, split_words(second)), rng)[0]


def words_in(text: str, spans: WordSpans) -> list[str]:
    return [text[start:end] for start, end in spans]


def test_a_text_begins_as_the_first_and_ends_as_the_second() -> None:
    crossed = {cross("Who wrote it?", "Where is Rome?", seed) for seed in range(100)}
    heads = ("Who", "Who wrote", "Who wrote it")
    tails = (" is Rome?", " Rome?", "?")
    assert crossed == {head + tail for head in heads for tail in tails}


def test_a_text_of_one_word_is_kept_as_the_beginning() -> None:
    assert {cross("Yes", "No, never", seed) for seed in range(30)} == {"Yes, never", "Yes never"}
    assert cross("Yes", "No", 0) == "Yes"


@given(WORDS, WORDS, st.integers(0, 2**32 - 1))
def test_words_are_the_first_of_one_text_and_the_last_of_the_other(
    first: list[str], second: list[str], seed: int
) -> None:
    rng = np.random.default_rng(seed)
    text, spans = cross_texts(join_words(first), join_words(second), rng)
    words = words_in(text, spans)
    divisions = [(first[:i], second[i - len(words) :]) for i in range(1, len(words))]
    assert words in [head + tail for head, tail in divisions] or words == first[: len(words)]
    assert spans[0] == (0, len(first[0]))


def test_each_row_begins_as_many_texts_as_wanted() -> None:
    rows = unlabelled_rows("cold press", "olive oil")
    crossed = list(cross_rows(rows, 3, np.random.default_rng(0)))
    assert [variant.texts[0].split()[0] for variant in crossed] == ["cold", "olive"] * 3
    assert {variant.texts[0].split()[1] for variant in crossed} == {"press", "oil"}
    assert {variant.words for variant in crossed} == {None}
    assert list(cross_rows(rows, 0, np.random.default_rng(0))) == []


def test_both_texts_of_a_pair_are_crossed_with_those_of_the_same_pair() -> None:
    rows = unlabelled_rows("a 1", "b 2", pairs=("c 1", "d 2"))
    crossed = [variant.texts for variant in cross_rows(rows, 9, np.random.default_rng(0))]
    assert set(crossed) == {("a 1", "c 1"), ("a 2", "c 2"), ("b 1", "d 1"), ("b 2", "d 2")}


def test_texts_are_cut_between_the_words_of_the_row() -> None:
    """`New York` is one word here, which `split_words` would divide."""
    rows = unlabelled_rows("in New York", "to Rome today")
    rows = replace(rows, words=(((0, 2), (3, 11)), ((0, 2), (3, 7), (8, 13))))
    for variant in cross_rows(rows, 20, np.random.default_rng(0)):
        assert variant.words is not None
        assert set(words_in(variant.texts[0], variant.words)) <= {
            "in",
            "New York",
            "to",
            "Rome",
            "today",
        }
