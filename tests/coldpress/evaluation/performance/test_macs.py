"""Multiply-accumulates of the tiny model, counted by hand."""

from __future__ import annotations

import numpy as np
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.performance.macs import macs_per_token
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import resize


def _rows(*lengths: int) -> EncodedSplit:
    rows = tuple(np.full(length, 4) for length in lengths)
    return EncodedSplit(
        rows, tuple(np.zeros_like(row) for row in rows), np.zeros(0, np.int64), 0, 0
    )


def test_macs_are_matrices_attention_and_a_share_of_the_head(tiny: Classifier) -> None:
    matrices = 2 * (4 * 16 * 16 + 2 * 16 * 32)
    attention = 2 * (2 * 4 * 16)
    head = (16 * 16 + 16 * 3) // 4
    assert macs_per_token(tiny, _rows(3, 4, 5)) == matrices + attention + head


def test_longer_texts_cost_more_attention_and_less_head(tiny: Classifier) -> None:
    assert macs_per_token(tiny, _rows(8)) == 4096 + 2 * (2 * 8 * 16) + 304 // 8


def test_pruned_heads_and_neurons_have_no_macs(tiny: Classifier) -> None:
    first, second = tiny.layers
    for role in ("query", "key", "value"):
        resize(tiny.linear(first, role), 8, 16)
    resize(tiny.linear(first, "attention_output"), 16, 8)
    resize(tiny.linear(second, "up"), 8, 16)
    resize(tiny.linear(second, "down"), 16, 8)
    matrices = (4 * 16 * 8 + 2 * 16 * 32) + (4 * 16 * 16 + 2 * 16 * 8)
    assert macs_per_token(tiny, _rows(4)) == matrices + 2 * 4 * (8 + 16) + 304 // 4


def test_a_simulated_module_counts_once_as_the_matrix_it_stands_for(tiny: Classifier) -> None:
    class Simulated(nn.Module):
        def __init__(self, linear: nn.Linear) -> None:
            super().__init__()
            self.linear = linear
            self.in_features, self.out_features = linear.in_features, linear.out_features

        def forward(self, inputs: Tensor) -> Tensor:
            return self.linear(inputs)  # type: ignore[no-any-return]

    before = macs_per_token(tiny, _rows(4))
    copied = tiny.copy()
    for layer in copied.layers:
        up = copied.linear(layer, "up")
        layer.get_submodule("intermediate").add_module("dense", Simulated(up))
    assert macs_per_token(copied, _rows(4)) == before


def test_counting_leaves_no_hook_behind(tiny: Classifier) -> None:
    macs_per_token(tiny, _rows(4))
    assert not any(module._forward_hooks for module in tiny.module.modules())
