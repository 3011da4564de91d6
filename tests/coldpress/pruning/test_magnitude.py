from __future__ import annotations

from typing import get_args

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.pruning import Magnitude
from coldpress.pruning.context import PruningContext
from coldpress.pruning.gradual import cubic_sparsity, prune_gradually
from coldpress.pruning.sparsity import (
    Scheme,
    SparsityTarget,
    hold_zeros,
    keep_n_of_m,
    zero_share,
    zero_smallest,
    zero_smallest_in_place,
)
from coldpress.schema.section import Optimization
from coldpress.training.loop import fit
from coldpress.training.step import Loss
from tests.support.pruning_context import record_steps

SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
LINEAR_WEIGHTS = 2 * (4 * 16 * 16 + 2 * 16 * 32)
PLAN = Optimization(epochs=2, learning_rate=0.05, batch_size=4)


def linear_weights(classifier: Classifier) -> list[Tensor]:
    return [
        classifier.linear(layer, role).weight.detach()
        for layer in classifier.layers
        for role in classifier.architecture.linears
    ]


def zeros(classifier: Classifier) -> list[Tensor]:
    return [weight == 0 for weight in linear_weights(classifier)]


def count(masks: list[Tensor]) -> int:
    return sum(int(mask.sum()) for mask in masks)


@pytest.fixture
def numbered(tiny: Classifier) -> Classifier:
    """Linear weights 1, -2, 3, ... over all layers, from the last module to the first."""
    start = 1
    for weight in reversed(linear_weights(tiny)):
        values = torch.arange(start, start + weight.numel(), dtype=torch.float32)
        weight.copy_(torch.where(values % 2 == 0, -values, values).view_as(weight))
        start += weight.numel()
    return tiny


def test_exactly_the_smallest_weights_of_all_layers_are_zeroed(numbered: Classifier) -> None:
    pruned = zero_smallest(numbered, SparsityTarget(0.25))
    for weight, old in zip(linear_weights(pruned), linear_weights(numbered), strict=True):
        assert torch.equal(weight, torch.where(old.abs() <= LINEAR_WEIGHTS / 4, 0.0, old))


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(sparsity=st.floats(0.0, 0.99))
def test_any_sparsity_is_reached_and_the_source_is_untouched(
    tiny: Classifier, rows: EncodedSplit, context: PruningContext, sparsity: float
) -> None:
    step = Magnitude(method="magnitude", sparsity=sparsity)
    pruned, again = (step.prune(tiny, context) for _ in range(2))
    assert count(zeros(pruned)) == round(sparsity * LINEAR_WEIGHTS)
    assert count(zeros(tiny)) == 0
    assert pruned.shapes == tiny.shapes
    assert torch.equal(pruned.logits(rows), again.logits(rows))


def test_biases_embeddings_and_the_head_do_not_change(tiny: Classifier) -> None:
    old = tiny.module.state_dict()
    new = zero_smallest(tiny, SparsityTarget(0.9)).module.state_dict()
    changed = {name for name in old if not torch.equal(old[name], new[name])}
    assert len(changed) == 2 * len(tiny.architecture.linears)
    assert all("encoder.layer" in name and name.endswith("weight") for name in changed)
    assert not any("LayerNorm" in name for name in changed)


@pytest.mark.parametrize(
    ("scheme", "share", "first", "second"),
    [
        ("class-blind", 0.75, [0, 0, 0, 0], [0, 0, 62, -62]),
        ("class-uniform", 0.5, [0, 0, 7, -7], [0, 0, 62, -62]),
        # sigma is 5 and 50; |w| / sigma is 0.2, 0.2, 1.4, 1.4 and 0.68, 0.68, 1.24, 1.24.
        ("class-distribution", 0.75, [0, 0, 7, -7], [0, 0, 0, 0]),
    ],
)
def test_the_three_schemes_of_see(
    scheme: Scheme, share: float, first: list[float], second: list[float]
) -> None:
    weights = [torch.tensor([[1.0, -1.0, 7.0, -7.0]]), torch.tensor([[34.0, -34.0, 62.0, -62.0]])]
    zero_smallest_in_place(weights, SparsityTarget(share, scheme))
    assert [weight[0].tolist() for weight in weights] == [first, second]


def test_each_scheme_reaches_the_same_share(tiny: Classifier, context: PruningContext) -> None:
    for scheme in SCHEMES:
        step = Magnitude(method="magnitude", sparsity=0.7, scheme=scheme)
        assert zero_share(step.prune(tiny, context)) == pytest.approx(0.7, abs=0.001)


def test_two_of_every_four_neighbours_are_kept(tiny: Classifier, context: PruningContext) -> None:
    query = tiny.linear(tiny.layers[0], "query").weight
    query.data[0] = torch.tensor([1, -2, 3, -4, 5, 5, 5, 5, 0, 0, 0, 1, 9, 8, 7, 6.0])
    pruned = Magnitude(method="magnitude", pattern="2:4").prune(tiny, context)
    row = pruned.linear(pruned.layers[0], "query").weight[0].tolist()
    assert row == [0, 0, 3, -4, 5, 5, 0, 0, 0, 0, 0, 1, 9, 8, 0, 0]
    # Half of 4096, and the third zero of a group that had three.
    assert count(zeros(pruned)) == 2049
    assert count(zeros(tiny)) == 3


def test_a_shorter_last_group_keeps_as_many(tiny: Classifier) -> None:
    query = tiny.linear(tiny.layers[0], "query").weight
    query.data[0] = torch.arange(1, 17)
    pruned = keep_n_of_m(tiny, 1, 7)
    row = pruned.linear(pruned.layers[0], "query").weight[0].tolist()
    assert row == [0] * 6 + [7] + [0] * 6 + [14] + [0, 16]


def test_keeping_all_of_a_group_is_the_identity(tiny: Classifier, rows: EncodedSplit) -> None:
    assert torch.equal(keep_n_of_m(tiny, 4, 4).logits(rows), tiny.logits(rows))


def test_sparsity_follows_the_cubic_schedule() -> None:
    # s_f + (s_i - s_f) (1 - t)^3: 0.8 - 0.8 * (1, 27/64, 1/8, 0).
    sparsities = [cubic_sparsity(0.0, 0.8, progress) for progress in (0, 0.25, 0.5, 1)]
    assert sparsities == pytest.approx([0.0, 0.4625, 0.7, 0.8])
    assert cubic_sparsity(0.4, 0.8, 0.5) == pytest.approx(0.75)


def test_a_cubic_schedule_zeroes_during_training_and_reaches_its_target(
    tiny: Classifier, context: PruningContext
) -> None:
    train, sparsities = record_steps(context.train, zero_share)
    before = tiny.module.state_dict()
    pruned = prune_gradually(tiny, SparsityTarget(0.5, "class-blind"), 2, train)
    # Two epochs of three steps: 0.5 - 0.5 * (1 - t / 6)^3.
    expected = [0.2106, 0.3519, 0.4375, 0.4815, 0.4977, 0.5]
    assert sparsities == pytest.approx(expected, abs=0.0005)
    assert zero_share(pruned) == pytest.approx(0.5, abs=0.0005)
    changed = [w != o for w, o in zip(linear_weights(pruned), linear_weights(tiny), strict=True)]
    assert count(changed) > 0.9 * LINEAR_WEIGHTS
    after = tiny.module.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "one of sparsity and pattern must be given, not both"),
        ({"sparsity": 0.5, "pattern": "2:4"}, "one of sparsity and pattern must be given"),
        ({"pattern": "4:2"}, "pattern: cannot keep 4 of every 2 weights"),
        ({"pattern": "2-4"}, "pattern"),
        ({"pattern": "2:4", "schedule": "cubic"}, "pattern: applies to every row"),
        ({"pattern": "2:4", "scheme": "class-uniform"}, "pattern: applies to every row"),
        ({"sparsity": 0.5, "growth_epochs": 3}, "growth_epochs: only for the cubic schedule"),
    ],
)
def test_contradictory_settings_are_refused(fields: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Magnitude.model_validate({"method": "magnitude", **fields})


def test_earlier_zeros_count(tiny: Classifier) -> None:
    once = zero_smallest(tiny, SparsityTarget(0.5))
    assert count(zeros(zero_smallest(once, SparsityTarget(0.5)))) == count(zeros(once))
    assert count(zeros(zero_smallest(once, SparsityTarget(0.3)))) == count(zeros(once))


def test_held_zeros_are_kept_and_the_other_weights_trained(
    tiny: Classifier, rows: EncodedSplit, loss: Loss
) -> None:
    sparse = zero_smallest(tiny, SparsityTarget(0.5))
    before = zeros(sparse)
    old = [weight.clone() for weight in linear_weights(sparse)]
    with hold_zeros(sparse):
        fit(sparse, rows, loss, PLAN, rows)
    for after, zero, weight, value in zip(
        zeros(sparse), before, linear_weights(sparse), old, strict=True
    ):
        assert torch.equal(after & zero, zero)
        assert (weight[~zero] != value[~zero]).float().mean() > 0.9


def test_zeros_that_are_not_held_are_lost(tiny: Classifier, rows: EncodedSplit, loss: Loss) -> None:
    sparse = zero_smallest(tiny, SparsityTarget(0.5))
    with hold_zeros(sparse):
        pass
    fit(sparse, rows, loss, PLAN, rows)
    assert count(zeros(sparse)) < LINEAR_WEIGHTS / 20


def test_zeroing_is_size_neutral() -> None:
    assert Magnitude(method="magnitude", sparsity=0.5).size_neutral
