from __future__ import annotations

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.pruning import Neurons
from coldpress.pruning.context import PruningContext


def neurons(share: float) -> Neurons:
    return Neurons(method="neurons", keep_neurons=share)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0.0, 1.0))
def test_any_share_is_reached_and_the_source_is_untouched(
    tiny: Classifier, rows: EncodedSplit, context: PruningContext, share: float
) -> None:
    before = tiny.logits(rows)
    pruned, again = (neurons(share).prune(tiny, context) for _ in range(2))
    assert sum(shape.neurons for shape in pruned.shapes) == max(round(share * 64), 2)
    assert min(shape.neurons for shape in pruned.shapes) >= 1
    assert torch.equal(pruned.logits(rows), again.logits(rows))
    assert torch.equal(tiny.logits(rows), before)


def test_unused_neurons_are_removed(
    tiny: Classifier, rows: EncodedSplit, context: PruningContext
) -> None:
    for layer, dead in zip(tiny.layers, ([0, 7, 31], [4]), strict=True):
        tiny.linear(layer, "down").weight.data[:, dead] = 0.0
    pruned = neurons(60 / 64).prune(tiny, context)
    assert [shape.neurons for shape in pruned.shapes] == [29, 31]
    torch.testing.assert_close(pruned.logits(rows), tiny.logits(rows))


def test_an_unimportant_layer_keeps_an_eighth_of_an_even_share(
    tiny: Classifier, rows: EncodedSplit, context: PruningContext
) -> None:
    tiny.linear(tiny.layers[0], "down").weight.data *= 1e-6
    pruned = neurons(0.5).prune(tiny, context)
    assert [shape.neurons for shape in pruned.shapes] == [2, 30]


def test_removing_neurons_makes_the_model_smaller() -> None:
    assert not neurons(0.5).size_neutral
