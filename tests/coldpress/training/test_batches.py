"""Batches of training rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from coldpress.data.encoding import EncodedSplit
from coldpress.kinds import TEXT_CLASSIFICATION, task_kind
from coldpress.training.batches import plan_batches

RANKING = task_kind("ranking")


def encoded(lengths: list[int], targets: list[tuple[float, float]]) -> EncodedSplit:
    """Rows of the given numbers of tokens."""
    ids = tuple(np.ones(length, dtype=np.int64) for length in lengths)
    return EncodedSplit(ids, ids, np.array(targets), 0, 0)


def rows_of_batches(rows: EncodedSplit, size: int) -> list[set[int]]:
    torch.manual_seed(0)
    plan = plan_batches(RANKING, rows, size)
    batches = [set(batch.rows.tolist()) for batch in plan]
    assert len(batches) == len(plan)
    assert sorted(row for batch in batches for row in batch) == list(range(len(rows)))
    return batches


def test_every_row_comes_once_an_epoch_in_batches_of_like_length() -> None:
    lengths = [3, 9, 4, 8, 3, 9, 4, 8, 3, 9, 4, 8]
    rows = encoded(lengths, [(0, 0)] * 12)
    plan = plan_batches(TEXT_CLASSIFICATION, rows, 4)
    batches = list(plan)
    assert len(batches) == len(plan) == 3
    assert sorted(int(row) for batch in batches for row in batch.rows) == list(range(12))
    spread = [max(lengths[r] for r in b.rows) - min(lengths[r] for r in b.rows) for b in batches]
    assert sum(spread) <= 6


def test_a_batch_has_whole_queries() -> None:
    """Five queries of three rows, two to a batch of seven."""
    rows = encoded([5] * 15, [(float(n % 5), 0.0) for n in range(15)])
    batches = rows_of_batches(rows, 7)
    assert sorted(map(len, batches)) == [3, 6, 6]
    for batch in batches:
        for query in {row % 5 for row in batch}:
            assert {query, query + 5, query + 10} <= batch


def test_queries_of_like_length_share_a_batch() -> None:
    rows = encoded([2, 2, 30, 30, 2, 2, 30, 30], [(float(n // 2), 0.0) for n in range(8)])
    assert sorted(map(sorted, rows_of_batches(rows, 4))) == [[0, 1, 4, 5], [2, 3, 6, 7]]


@pytest.mark.parametrize(("size", "sizes"), [(4, [3, 3, 4]), (5, [5, 5]), (12, [10])])
def test_a_query_with_more_documents_than_a_batch_is_divided_evenly(
    size: int, sizes: list[int]
) -> None:
    rows = encoded([5] * 10, [(1.0, 0.0)] * 10)
    assert sorted(map(len, rows_of_batches(rows, size))) == sizes


def test_rows_without_a_query_fill_batches() -> None:
    """The first four rows are two queries, the last three are unlabelled."""
    rows = encoded([5] * 7, [(1.0, 0.0), (1.0, 1.0), (2.0, 0.0), (2.0, 1.0)])
    batches = rows_of_batches(rows, 4)
    assert len(batches) <= 3
    assert any({0, 1} <= batch for batch in batches)
    assert any({2, 3} <= batch for batch in batches)


def test_the_order_of_batches_changes_with_each_epoch() -> None:
    torch.manual_seed(0)
    plan = plan_batches(RANKING, encoded([5] * 40, [(float(n // 2), 0.0) for n in range(40)]), 4)
    first, second = ([batch.rows.tolist() for batch in plan] for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)
