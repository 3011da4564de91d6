"""Low-rank factors of a token table."""

from __future__ import annotations

import torch

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.classifier import Classifier
from coldpress.model.low_rank import low_rank_factors, token_counts


def low_rank_table(rank: int) -> torch.Tensor:
    torch.manual_seed(0)
    return torch.randn(12, rank) @ torch.randn(rank, 16)


def test_a_table_of_the_rank_is_reproduced() -> None:
    table = low_rank_table(3)
    left, right = low_rank_factors(table, torch.arange(12.0), 3)
    assert (left.shape, right.shape) == ((12, 3), (3, 16))
    torch.testing.assert_close(left @ right, table)


def test_the_smallest_singular_value_is_lost() -> None:
    """Without counts: of a diagonal table the two largest numbers stay."""
    left, right = low_rank_factors(torch.diag(torch.tensor([3.0, 1.0, 2.0])), torch.zeros(3), 2)
    torch.testing.assert_close(left @ right, torch.diag(torch.tensor([3.0, 0.0, 2.0])))


def test_frequent_tokens_keep_their_rows() -> None:
    """The token of the smallest number occurs 15 times: 16 * 1 is more than 2 ** 2 and 3 ** 2."""
    counts = torch.tensor([0.0, 15.0, 0.0])
    left, right = low_rank_factors(torch.diag(torch.tensor([3.0, 1.0, 2.0])), counts, 1)
    torch.testing.assert_close(left @ right, torch.diag(torch.tensor([0.0, 1.0, 0.0])))


def test_both_factors_have_columns_of_equal_norm() -> None:
    left, right = low_rank_factors(low_rank_table(3), torch.zeros(12), 3)
    torch.testing.assert_close(left.norm(dim=0), right.norm(dim=1))


def test_a_table_of_zeros_stays_one() -> None:
    left, right = low_rank_factors(torch.zeros(12, 16), torch.zeros(12), 2)
    torch.testing.assert_close(left @ right, torch.zeros(12, 16))


def test_tokens_are_counted(tiny: Classifier, split: Split) -> None:
    """Each of the twelve rows begins with [CLS], 2, and ends with [SEP], 3; none is padded."""
    rows = encode(tiny.tokenizer, split)
    counts = token_counts(rows, 20)
    assert counts[:4].tolist() == [0, 0, 12, 12]
    assert counts.sum() == sum(map(len, rows.input_ids))
