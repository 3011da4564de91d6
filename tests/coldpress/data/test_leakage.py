"""Texts of the test and validation splits are not trained on."""

from __future__ import annotations

import pytest

from coldpress.data import leakage
from coldpress.data.splits import Split, row_ids


def rows(*texts: str, pairs: tuple[str, ...] | None = None) -> Split:
    return Split(row_ids(texts, pairs), texts, pairs, ())


@pytest.mark.parametrize(
    "text",
    [
        "Cold press",
        "cold  press",
        " cold press\n",
        "COLD PRESS",
        "cold\u00a0press",
        "cold \uff50ress",
    ],
)
def test_texts_that_differ_in_case_spaces_or_unicode_form_are_the_same(text: str) -> None:
    assert leakage.text_keys(rows(text)) == leakage.text_keys(rows("cold press"))


@pytest.mark.parametrize("text", ["cold press!", "coldpress", "cold presses", "press cold"])
def test_texts_that_differ_otherwise_are_not_the_same(text: str) -> None:
    assert leakage.text_keys(rows(text)) != leakage.text_keys(rows("cold press"))


def test_rows_with_test_and_validation_texts_are_removed_and_counted() -> None:
    pool = rows("new", "Test one", "test one", "valid", "other", "both")
    filtered = leakage.remove_leaked_rows(pool, rows("test one", "both"), rows("valid", "both"))
    assert filtered.rows.texts == ("new", "other")
    assert (filtered.test, filtered.validation) == (3, 1)


def test_a_pair_is_removed_only_if_both_texts_match() -> None:
    pool = rows("a", "a", "b", pairs=("b", "c", "a"))
    filtered = leakage.remove_leaked_rows(pool, rows("A", pairs=("B",)), rows("x", pairs=("y",)))
    assert (filtered.rows.texts, filtered.rows.pairs) == (("a", "b"), ("c", "a"))
    assert (filtered.test, filtered.validation) == (1, 0)


def test_every_evaluation_row_is_counted_once() -> None:
    training = (rows("a", "a", "b"), rows("c"))
    assert leakage.count_overlap(training, rows("A", "a", "c", "d")) == 3


def test_translations_of_test_texts_are_removed_with_their_source() -> None:
    texts = ("cold", "kalt", "warm", "chaud")
    pool = Split(row_ids(texts, None), texts, None, (), sources=("cold", "cold", "warm", "warm"))
    filtered = leakage.remove_leaked_rows(pool, rows("Cold"), rows("chaud"))
    assert filtered.rows.texts == ("warm",)
    assert filtered.rows.sources == ("warm",)
    assert (filtered.test, filtered.validation) == (2, 1)
