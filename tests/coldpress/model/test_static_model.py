"""A static model: rows of n-grams, their mask, and texts that are padded."""

from __future__ import annotations

import torch

from coldpress.model.static_model import StaticConfig, StaticModel, feature_mask, feature_rows

CONFIG = StaticConfig(
    vocab_size=10, ngram_rows=100, longest_ngram=3, hidden_size=4, intermediate_size=5
)


def test_tokens_are_followed_by_the_hashes_of_pairs_and_of_triples() -> None:
    """5 * 1000003 + 7 = 5000022 and 7 * 1000003 + 9 = 7000030; 5000022 * 1000003 + 9 ends in 75."""
    rows = feature_rows(torch.tensor([[5, 7, 9]]), CONFIG)
    assert rows.tolist() == [[5, 7, 9, 10 + 22, 10 + 30, 10 + 75]]


def test_texts_shorter_than_an_ngram_have_none() -> None:
    assert feature_rows(torch.tensor([[5, 7]]), CONFIG).tolist() == [[5, 7, 10 + 22]]
    assert feature_rows(torch.tensor([[5]]), CONFIG).tolist() == [[5]]


def test_an_ngram_is_real_if_its_last_token_is() -> None:
    mask = feature_mask(torch.tensor([[1, 1, 1, 0]]), CONFIG)
    # Four tokens, three pairs, two triples.
    assert mask.tolist() == [[*(1, 1, 1, 0), *(1, 1, 0), *(1, 0)]]


def test_padding_does_not_change_the_logits() -> None:
    torch.manual_seed(0)
    model = StaticModel(CONFIG).eval()
    ids = torch.tensor([[5, 7, 9]])
    padded = torch.tensor([[5, 7, 9, 0, 0]])
    alone = model(ids, torch.ones_like(ids)).logits
    assert torch.allclose(model(padded, torch.tensor([[1, 1, 1, 0, 0]])).logits, alone)
    assert not torch.allclose(model(padded, torch.ones_like(padded)).logits, alone)
