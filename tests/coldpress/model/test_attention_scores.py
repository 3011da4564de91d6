from __future__ import annotations

import torch

from coldpress.model.attention_scores import (
    pairs_within,
    scaled_product,
    split_heads,
    unpadded_pairs,
)


def test_a_token_attends_to_unpadded_ones_within_the_window() -> None:
    real = torch.tensor([[True, True, True, False]])
    pairs = unpadded_pairs(real) & pairs_within(1, real)
    assert pairs[0].int().tolist() == [[1, 1, 0, 0], [1, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


def test_scores_are_queries_times_keys_of_each_head_by_the_root_of_its_size() -> None:
    """Two heads of size 4, one token that attends to itself: 4 * 1 * 2 / 2 and 4 * 3 * 1 / 2."""
    queries = torch.tensor([[[1.0] * 4 + [3.0] * 4]])
    keys = torch.tensor([[[2.0] * 4 + [1.0] * 4]])
    scores = scaled_product(split_heads(queries, 4), split_heads(keys, 4))
    assert scores.flatten().tolist() == [4.0, 6.0]
