"""Integer tables on small numbers that can be checked by hand."""

from __future__ import annotations

import torch

from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding


def test_an_embedding_scales_the_rows_it_looks_up() -> None:
    table = QuantizedEmbedding(2, 2)
    table.weight.data = torch.tensor([[1, -2], [127, 0]], dtype=torch.int8)
    table.scale.copy_(torch.tensor([0.5, 3.0]))
    assert table(torch.tensor([[1, 0]])).tolist() == [[[63.5, 0.0], [0.5, -6.0]]]
