from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from coldpress.encoding import Encoded
from coldpress.model import Classifier
from coldpress.pruning import Magnitude
from coldpress.pruning.sparsity import ROLES, hold_zeros, zero_smallest
from coldpress.section import Optimization
from coldpress.training import Loss, fit

LINEAR_WEIGHTS = 2 * (4 * 16 * 16 + 2 * 16 * 32)
PLAN = Optimization(epochs=2, learning_rate=0.05, batch_size=4)


def linear_weights(classifier: Classifier) -> list[Tensor]:
    return [
        classifier.linear(layer, role).weight.detach()
        for layer in classifier.layers
        for role in ROLES
    ]


def zeros(classifier: Classifier) -> list[Tensor]:
    return [weight == 0 for weight in linear_weights(classifier)]


def count(masks: list[Tensor]) -> int:
    return sum(int(mask.sum()) for mask in masks)


@pytest.fixture
def numbered(tiny: Classifier) -> Classifier:
    """Linear weights 1, -2, 3, ... over all layers, in no helpful order of the modules."""
    start = 1
    for weight in reversed(linear_weights(tiny)):
        values = torch.arange(start, start + weight.numel(), dtype=torch.float32)
        weight.copy_(torch.where(values % 2 == 0, -values, values).view_as(weight))
        start += weight.numel()
    return tiny


def test_exactly_the_smallest_weights_of_all_layers_are_zeroed(numbered: Classifier) -> None:
    pruned = zero_smallest(numbered, 0.25)
    for weight, old in zip(linear_weights(pruned), linear_weights(numbered), strict=True):
        assert torch.equal(weight, torch.where(old.abs() <= LINEAR_WEIGHTS / 4, 0.0, old))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sparsity=st.floats(0.0, 0.99))
def test_any_sparsity_is_reached_and_the_source_is_untouched(
    tiny: Classifier, rows: Encoded, loss: Loss, sparsity: float
) -> None:
    step = Magnitude(method="magnitude", sparsity=sparsity)
    pruned, again = (step.prune(tiny, rows, loss) for _ in range(2))
    assert count(zeros(pruned)) == round(sparsity * LINEAR_WEIGHTS)
    assert count(zeros(tiny)) == 0
    assert pruned.shapes == tiny.shapes
    assert torch.equal(pruned.logits(rows), again.logits(rows))


def test_biases_embeddings_and_the_head_keep_every_value(tiny: Classifier) -> None:
    old, new = tiny.module.state_dict(), zero_smallest(tiny, 0.9).module.state_dict()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert len(changed) == 2 * len(ROLES)
    assert all("encoder.layer" in name and name.endswith("weight") for name in changed)
    assert not any("LayerNorm" in name for name in changed)


def test_zeros_that_are_there_already_count(tiny: Classifier) -> None:
    once = zero_smallest(tiny, 0.5)
    assert count(zeros(zero_smallest(once, 0.5))) == count(zeros(once))
    assert count(zeros(zero_smallest(once, 0.3))) == count(zeros(once))


def test_held_zeros_stay_and_the_rest_is_trained(
    tiny: Classifier, rows: Encoded, loss: Loss
) -> None:
    sparse = zero_smallest(tiny, 0.5)
    before, old = zeros(sparse), [weight.clone() for weight in linear_weights(sparse)]
    with hold_zeros(sparse):
        fit(sparse, rows, loss, PLAN, rows)
    for now, was, weight, value in zip(
        zeros(sparse), before, linear_weights(sparse), old, strict=True
    ):
        assert torch.equal(now & was, was)
        assert (weight[~was] != value[~was]).float().mean() > 0.9


def test_zeros_that_nobody_holds_are_lost(tiny: Classifier, rows: Encoded, loss: Loss) -> None:
    sparse = zero_smallest(tiny, 0.5)
    with hold_zeros(sparse):
        pass
    fit(sparse, rows, loss, PLAN, rows)
    assert count(zeros(sparse)) < LINEAR_WEIGHTS / 20


def test_zeroing_says_that_it_makes_nothing_smaller() -> None:
    assert Magnitude(method="magnitude", sparsity=0.5).size_neutral
