from __future__ import annotations

import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.pruning import Heads
from coldpress.pruning.context import PruningContext
from coldpress.training.loop import reseed


def heads(share: float) -> Heads:
    return Heads(method="heads", keep_heads=share)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(share=st.floats(0.0, 1.0))
def test_any_share_is_reached_and_the_source_is_untouched(
    tiny: Classifier, rows: EncodedSplit, context: PruningContext, share: float
) -> None:
    before = tiny.logits(rows)
    pruned, again = (heads(share).prune(tiny, context) for _ in range(2))
    assert sum(shape.heads for shape in pruned.shapes) == max(round(share * 8), 2)
    assert min(shape.heads for shape in pruned.shapes) >= 1
    assert torch.equal(pruned.logits(rows), again.logits(rows))
    assert torch.equal(tiny.logits(rows), before)


def test_an_unused_head_is_removed(
    tiny: Classifier, rows: EncodedSplit, context: PruningContext
) -> None:
    tiny.linear(tiny.layers[1], "attention_output").weight.data[:, 8:12] = 0.0
    pruned = heads(7 / 8).prune(tiny, context)
    assert [shape.heads for shape in pruned.shapes] == [4, 3]
    torch.testing.assert_close(pruned.logits(rows), tiny.logits(rows))


def test_random_pruning_depends_on_the_seed(tiny: Classifier, context: PruningContext) -> None:
    step = Heads(method="heads", keep_heads=0.5, by="random")

    def kept_weights(seed: int) -> list[list[float]]:
        reseed(seed, "prune")
        pruned = step.prune(tiny, context)
        return [pruned.linear(layer, "query").weight[::4, 0].tolist() for layer in pruned.layers]

    first = kept_weights(0)
    assert kept_weights(0) == first
    assert len({str(kept_weights(seed)) for seed in range(6)}) > 3


def test_removing_heads_makes_the_model_smaller() -> None:
    assert not heads(0.5).size_neutral
