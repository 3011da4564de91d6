from __future__ import annotations

from coldpress.model.classifier import Classifier, count_nonzero_parameters, count_parameters
from coldpress.model.surgery import keep_heads, keep_neurons


def test_parameters_are_counted_by_hand(tiny: Classifier) -> None:
    embeddings = (12 + 16 + 2) * 16 + 2 * 16
    attention = 4 * (16 * 16 + 16) + 2 * 16
    feed_forward = (16 * 32 + 32) + (32 * 16 + 16) + 2 * 16
    head = (16 * 16 + 16) + (16 * 3 + 3)
    assert count_parameters(tiny) == embeddings + 2 * (attention + feed_forward) + head
    one_head = 3 * (4 * 16 + 4) + 16 * 4
    assert (
        count_parameters(tiny) - count_parameters(keep_heads(tiny, [[0, 1, 2], range(4)]))
        == one_head
    )
    one_neuron = 16 + 1 + 16
    assert (
        count_parameters(tiny) - count_parameters(keep_neurons(tiny, [range(31), range(32)]))
        == one_neuron
    )


def test_zeros_are_parameters_and_are_not_counted_as_nonzero(tiny: Classifier) -> None:
    before = count_nonzero_parameters(tiny)
    tiny.linear(tiny.layers[0], "up").weight.data[0] = 0.0
    assert count_nonzero_parameters(tiny) == before - 16
