from __future__ import annotations

import math

import pytest
import torch
from transformers import BertConfig, BertModel

from coldpress.model.sentence_head import Dense, Pooling, SentenceHead, read_head, write_head
from coldpress.model.sentence_model import SentenceModel, pool

STATES = torch.tensor([[[1.0, -2.0], [3.0, -4.0], [90.0, 90.0]], [[1.0, 5.0]] * 3])
MASK = torch.tensor([[1, 1, 0], [1, 1, 1]])


@pytest.mark.parametrize(
    ("pooling", "expected"),
    [
        ("cls", [1.0, -2.0]),
        ("mean", [2.0, -3.0]),
        ("max", [3.0, -2.0]),
        ("mean_sqrt_len", [4 / math.sqrt(2), -6 / math.sqrt(2)]),
    ],
)
def test_padding_plays_no_part(pooling: Pooling, expected: list[float]) -> None:
    assert pool(STATES, MASK, pooling)[0].tolist() == pytest.approx(expected)


@pytest.fixture
def config() -> BertConfig:
    return BertConfig(
        vocab_size=12,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
    )


def test_the_vector_is_pooled_projected_and_normalized(config: BertConfig) -> None:
    torch.manual_seed(0)
    head = SentenceHead("mean", Dense(3, True, "tanh"), True)
    write_head(config, head)
    encoder = BertModel(config, add_pooling_layer=False)
    model = SentenceModel(encoder, config).eval()
    ids, mask = torch.tensor([[2, 4, 3]]), torch.ones(1, 3, dtype=torch.int64)
    output = model(ids, mask, output_hidden_states=True)
    mean = encoder(ids, mask).last_hidden_state.mean(dim=1)
    dense = torch.tanh(model.get_submodule("dense")(mean))
    assert torch.allclose(output.logits, dense / dense.norm(dim=1, keepdim=True), atol=1e-6)
    assert [state.shape for state in output.hidden_states] == [(1, 3, 8)] * 2
    assert model.get_submodule("bert") is encoder


def test_the_head_is_stored_in_the_configuration(config: BertConfig) -> None:
    head = SentenceHead("max", Dense(3, False, "identity"), False)
    write_head(config, head)
    assert read_head(BertConfig.from_dict(config.to_dict())) == head
    assert head.dimension(8) == 3
    assert SentenceHead().dimension(8) == 8
