"""What a model is judged or chosen by is not learned from."""

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
def test_texts_that_differ_in_how_they_are_written_are_the_same(text: str) -> None:
    assert leakage.text_keys(rows(text)) == leakage.text_keys(rows("cold press"))


@pytest.mark.parametrize("text", ["cold press!", "coldpress", "cold presses", "press cold"])
def test_texts_that_differ_in_what_they_say_are_not(text: str) -> None:
    assert leakage.text_keys(rows(text)) != leakage.text_keys(rows("cold press"))


def test_rows_with_test_and_validation_texts_are_left_out_and_counted() -> None:
    pool = rows("new", "Test one", "test one", "valid", "other", "both")
    found = leakage.remove_leaked_rows(pool, rows("test one", "both"), rows("valid", "both"))
    assert found.rows.texts == ("new", "other")
    assert (found.test, found.validation) == (3, 1)


def test_a_pair_is_known_by_both_of_its_texts() -> None:
    pool = rows("a", "a", "b", pairs=("b", "c", "a"))
    found = leakage.remove_leaked_rows(pool, rows("A", pairs=("B",)), rows("x", pairs=("y",)))
    assert (found.rows.texts, found.rows.pairs) == (("a", "b"), ("c", "a"))
    assert (found.test, found.validation) == (1, 0)


def test_every_row_to_be_judged_on_is_counted_once() -> None:
    seen = (rows("a", "a", "b"), rows("c"))
    assert leakage.count_overlap(seen, rows("A", "a", "c", "d")) == 3
