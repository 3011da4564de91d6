from __future__ import annotations

import re

from coldpress.data.word_tokens import UNSEEN, first_tokens


def spans(text: str) -> tuple[tuple[int, int], ...]:
    return tuple(match.span() for match in re.finditer(r"\S+", text))


def test_a_word_is_found_at_its_first_token() -> None:
    # [CLS] Mün chen is big [SEP], with a token of length 0 at either end
    offsets = [(0, 0), (0, 3), (3, 7), (8, 10), (11, 14), (0, 0)]
    assert first_tokens(offsets, spans("München is big")).tolist() == [1, 3, 4]


def test_a_token_with_the_space_before_it_is_the_first_of_its_word() -> None:
    assert first_tokens([(0, 7), (7, 10), (10, 14)], spans("München is big")).tolist() == [0, 1, 2]


def test_words_that_share_a_token_have_the_same_position() -> None:
    assert first_tokens([(0, 1), (1, 3)], ((0, 1), (1, 2), (2, 3))).tolist() == [0, 1, 1]


def test_a_word_without_a_token_is_unseen() -> None:
    # The normalizer has removed the word in the middle, and truncation the last one.
    assert first_tokens([(0, 1), (4, 5)], ((0, 1), (2, 3), (4, 5), (6, 7))).tolist() == [
        0,
        UNSEEN,
        1,
        UNSEEN,
    ]
