from __future__ import annotations

import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from coldpress.data.splits import row_ids, stratified_split


def test_an_id_depends_on_the_text_and_on_earlier_repetitions() -> None:
    first, second, third = row_ids(["cold", "warm", "cold"], None)
    # echo -n '["cold", 0]' | sha256sum
    assert first == "dbfe5a041292ebf1"
    assert len({first, second, third}) == 3
    assert all(re.fullmatch("[0-9a-f]{16}", name) for name in (first, second, third))


def test_an_id_does_not_depend_on_other_rows() -> None:
    assert row_ids(["warm", "cold"], None)[1] == row_ids(["cold"], None)[0]


def test_an_id_depends_on_both_texts_of_a_pair_and_their_boundary() -> None:
    ids = row_ids(["a", "a", "ab"], ["bc", "cb", "c"])
    assert len(set(ids)) == 3


def test_the_share_is_taken_from_every_class() -> None:
    labels = [0] * 50 + [1] * 30 + [2] * 20
    remaining, selected = stratified_split([str(i) for i in range(100)], labels, 0.1, seed=0)
    assert Counter(labels[row] for row in selected) == {0: 5, 1: 3, 2: 2}
    assert sorted(remaining + selected) == list(range(100))


def test_the_largest_remainder_is_rounded_up() -> None:
    labels = [0] * 14 + [1] * 16
    _, selected = stratified_split([str(i) for i in range(30)], labels, 0.1, seed=0)
    # Quotas 1.4 and 1.6, three in all.
    assert Counter(labels[row] for row in selected) == {0: 1, 1: 2}


def test_a_class_with_one_row_stays() -> None:
    labels = [0] * 10 + [1]
    _, selected = stratified_split([str(i) for i in range(11)], labels, 0.5, seed=0)
    assert 10 not in selected


def test_a_class_of_one_row_stays_in_train() -> None:
    assert stratified_split(["a", "b", "c"], [0, 1, 2], 0.5, seed=0) == ([0, 1, 2], [])


def test_the_selection_is_the_same_on_every_machine_and_depends_on_the_seed() -> None:
    ids = row_ids([f"text {i}" for i in range(40)], None)
    labels = [i % 2 for i in range(40)]
    assert stratified_split(ids, labels, 0.1, seed=0)[1] == [6, 29, 36, 37]
    assert stratified_split(ids, labels, 0.1, seed=1)[1] != [6, 29, 36, 37]


def test_the_selection_does_not_depend_on_the_order_of_rows() -> None:
    ids = row_ids([f"text {i}" for i in range(40)], None)
    labels = [i % 2 for i in range(40)]
    _, selected = stratified_split(ids, labels, 0.2, seed=0)
    _, reversed_selected = stratified_split(ids[::-1], labels[::-1], 0.2, seed=0)
    assert {ids[row] for row in selected} == {ids[::-1][row] for row in reversed_selected}


@given(
    labels=st.lists(st.integers(0, 5), min_size=2, max_size=60),
    share=st.floats(0.01, 0.5),
    seed=st.integers(0, 9),
)
def test_every_class_stays_in_train_and_no_row_is_lost(
    labels: list[int], share: float, seed: int
) -> None:
    ids = [str(i) for i in range(len(labels))]
    remaining, selected = stratified_split(ids, labels, share, seed)
    assert sorted(remaining + selected) == list(range(len(labels)))
    assert {labels[row] for row in remaining} == set(labels)
    assert bool(selected) == (len(labels) > len(set(labels)))
    assert len(selected) <= max(1, round(len(labels) * share))
