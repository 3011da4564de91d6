from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from coldpress.data.words import join_words, split_words


def words(text: str) -> list[str]:
    return [text[start:end] for start, end in split_words(text)]


def test_words_are_runs_of_word_characters_and_single_other_characters() -> None:
    assert words("Mr. O'Neill paid €5_000 in São Paulo!") == [
        *("Mr", ".", "O", "'", "Neill", "paid", "€", "5_000", "in", "São", "Paulo", "!")
    ]


def test_tokens_are_joined_by_spaces() -> None:
    assert join_words(["It", "'s", "here"]) == ("It 's here", ((0, 2), (3, 5), (6, 10)))


@settings(deadline=None)
@given(st.text(max_size=30))
def test_words_contain_everything_but_space(text: str) -> None:
    assert "".join(words(text)) == "".join(text.split())
