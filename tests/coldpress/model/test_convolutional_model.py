"""A convolutional model: windows, maxima worked out by hand, and texts that are padded."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from coldpress.model.convolutional_model import ConvolutionalConfig, ConvolutionalModel


def model_with(window: int) -> ConvolutionalModel:
    """Return a model with rows of one number: token n has n, and padding has 0."""
    config = ConvolutionalConfig(
        vocab_size=10, hidden_size=1, window=window, filters=2, pad_token_id=0
    )
    model = ConvolutionalModel(config).eval()
    encoder: Any = model.encoder
    with torch.no_grad():
        encoder.embeddings.rows.weight.copy_(torch.arange(10.0)[:, None])
        encoder.convolution.bias.zero_()
        model.classifier.weight.copy_(torch.eye(2))
        model.classifier.bias.zero_()
    return model


def test_a_feature_is_the_largest_value_of_a_filter() -> None:
    """The windows of 5, 7, 9 are (5, 7), (7, 9) and (9, padding).

    The first filter has 10 a + b: 57, 79 and 90. The second has b - a: 2, 2 and -9.
    """
    model = model_with(2)
    encoder: Any = model.encoder
    with torch.no_grad():
        encoder.convolution.weight.copy_(torch.tensor([[10.0, 1.0], [-1.0, 1.0]]))
    ids = torch.tensor([[5, 7, 9]])
    assert model(ids, torch.ones_like(ids)).logits.tolist() == [[90.0, 2.0]]


def test_a_filter_without_a_positive_value_adds_nothing() -> None:
    model = model_with(1)
    encoder: Any = model.encoder
    with torch.no_grad():
        encoder.convolution.weight.copy_(torch.tensor([[-1.0], [1.0]]))
    ids = torch.tensor([[3, 4]])
    assert model(ids, torch.ones_like(ids)).logits.tolist() == [[0.0, 4.0]]


@pytest.mark.parametrize("window", [1, 2, 3, 5])
def test_padding_does_not_change_the_logits(window: int) -> None:
    torch.manual_seed(0)
    config = ConvolutionalConfig(vocab_size=10, hidden_size=4, window=window, filters=6)
    model = ConvolutionalModel(config).eval()
    ids = torch.tensor([[5, 7, 9]])
    padded = torch.tensor([[5, 7, 9, 0, 0]])
    alone = model(ids, torch.ones_like(ids)).logits
    assert torch.allclose(model(padded, torch.tensor([[1, 1, 1, 0, 0]])).logits, alone)


def test_training_does_not_change_the_row_of_padding() -> None:
    model = model_with(3)
    ids = torch.tensor([[5, 7, 9, 0]])
    model(ids, torch.tensor([[1, 1, 1, 0]])).logits.sum().backward()
    encoder: Any = model.encoder
    gradient = encoder.embeddings.rows.weight.grad
    assert not gradient[0].any()
    assert gradient[9].any()
