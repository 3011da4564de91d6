"""A draw of a few labelled rows."""

from __future__ import annotations

import random
from collections import Counter

from few_labels import draw

ROWS = [{"text": f"{label} {n}", "label": label} for label in "abc" for n in range(10)]


def test_each_class_has_the_same_number_of_rows() -> None:
    drawn, others = draw(ROWS, 3, random.Random(0))
    assert Counter(row["label"] for row in drawn) == {"a": 3, "b": 3, "c": 3}
    texts = [row["text"] for row in (*drawn, *others)]
    assert sorted(texts) == sorted(row["text"] for row in ROWS)


def test_another_seed_draws_other_rows() -> None:
    first, again, other = (draw(ROWS, 3, random.Random(seed))[0] for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_class_with_fewer_rows_is_drawn_whole() -> None:
    drawn, others = draw(ROWS[:12], 3, random.Random(0))
    assert Counter(row["label"] for row in drawn) == {"a": 3, "b": 2}
    assert len(others) == 7
