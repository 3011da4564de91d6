from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from coldpress.model.classifier import Classifier
from coldpress.pruning import Magnitude, Movement
from coldpress.pruning.context import PruningContext
from coldpress.pruning.method import PruningMethod
from coldpress.pruning.movement.scores import MovementMask, prune_by_movement
from coldpress.pruning.pipeline import run_steps
from coldpress.pruning.sparsity import linear_weights, zero_share
from tests.support.pruning_context import record_steps


@pytest.fixture
def linear() -> nn.Linear:
    """y = 2 a - b + 3 c."""
    module = nn.Linear(3, 1, bias=False)
    module.weight.data = torch.tensor([[2.0, -1.0, 3.0]])
    return module


def test_scores_grow_for_steps_away_from_zero(linear: nn.Linear) -> None:
    mask = MovementMask(linear.weight)
    register_parametrization(linear, "weight", mask)
    # dL/dW = x: 1, 1, -1. Descent moves 2 towards zero, -1 and 3 away from it.
    linear(torch.tensor([[1.0, 1.0, -1.0]])).sum().backward()
    assert mask.scores.tolist() == [[-2.0, 1.0, 3.0]]
    linear(torch.tensor([[-0.5, 0.0, 2.0]])).sum().backward()
    assert mask.scores.tolist() == [[-1.0, 1.0, -3.0]]


def test_a_masked_weight_does_not_move_but_may_come_back(
    linear: nn.Linear,
) -> None:
    mask = MovementMask(linear.weight)
    register_parametrization(linear, "weight", mask)
    mask.scores += torch.tensor([[0.5, 1.0, 4.0]])
    mask.mask_lowest(1 / 3)
    x = torch.tensor([[-1.0, 1.0, 1.0]])
    output = linear(x)
    output.sum().backward()
    assert output.item() == 2.0
    (gradient,) = (parameter.grad for parameter in linear.parameters())
    assert gradient is not None
    assert gradient.tolist() == [[0.0, 1.0, 1.0]]
    assert mask.scores.tolist() == [[2.5, 2.0, 1.0]]
    mask.mask_lowest(1 / 3)
    assert linear.weight.tolist() == [[2.0, -1.0, 0.0]]


def test_equal_scores_do_not_mask_more_than_the_share(linear: nn.Linear) -> None:
    mask = MovementMask(linear.weight)
    mask.mask_lowest(1 / 3)
    assert int(mask.mask.sum()) == 2


def test_sparsity_grows_and_each_matrix_ends_with_its_share(
    tiny: Classifier, context: PruningContext
) -> None:
    train, sparsities = record_steps(context.train, zero_share)
    pruned = prune_by_movement(tiny, 0.5, 2, train)
    # 0.5 - 0.5 * (1 - t / 6)^3.
    assert sparsities == pytest.approx([0.2106, 0.3519, 0.4375, 0.4815, 0.4977, 0.5], abs=0.002)
    assert [float((w == 0).float().mean()) for w in linear_weights(pruned)] == [0.5] * 12
    assert pruned.module.state_dict().keys() == tiny.module.state_dict().keys()
    assert all(parameter.requires_grad for parameter in pruned.module.parameters())


def test_movement_differs_from_magnitude(tiny: Classifier, context: PruningContext) -> None:
    pruned = Movement(method="movement", sparsity=0.5).prune(tiny, context)
    zeros = torch.cat([(w == 0).flatten() for w in linear_weights(pruned)])
    sizes = torch.cat([w.detach().abs().flatten() for w in linear_weights(tiny)])
    smaller = sizes <= sizes.median()
    assert 0.3 < float((zeros & smaller).sum() / zeros.sum()) < 0.9


def test_zeros_of_an_earlier_step_are_kept_and_count(
    tiny: Classifier, context: PruningContext
) -> None:
    steps: list[PruningMethod] = [
        Magnitude(method="magnitude", sparsity=0.3, scheme="class-uniform"),
        Movement(method="movement", sparsity=0.5, growth_epochs=1),
    ]
    before = Magnitude(method="magnitude", sparsity=0.3, scheme="class-uniform", recovery_epochs=0)
    zeros = [w == 0 for w in linear_weights(before.prune(tiny, context))]
    pruned = run_steps(steps, tiny, context).classifier
    assert all(
        bool((w[zero] == 0).all()) for w, zero in zip(linear_weights(pruned), zeros, strict=True)
    )
    assert zero_share(pruned) == pytest.approx(0.5, abs=0.001)


def test_retraining_keeps_the_zeros(tiny: Classifier, context: PruningContext) -> None:
    step = Movement(method="movement", sparsity=0.5, growth_epochs=1, recovery_epochs=2)
    result = run_steps([step], tiny, context)
    assert zero_share(result.classifier) == pytest.approx(0.5, abs=0.001)
    assert [epoch.number for epoch in result.reports[0].epochs] == [1, 2, 3]
