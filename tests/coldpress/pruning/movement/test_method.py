from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from pruning_evidence import watched
from torch import nn
from torch.nn.utils.parametrize import register_parametrization

from coldpress.model.classifier import Classifier
from coldpress.pruning import Magnitude, Movement
from coldpress.pruning.method import PruningContext, PruningMethod
from coldpress.pruning.movement.scores import MovementMask as Scoring
from coldpress.pruning.pipeline import RetrainingData, run_steps
from coldpress.pruning.sparsity import linear_weights, zero_share
from coldpress.schema.section import Optimization


@pytest.fixture
def linear() -> nn.Linear:
    """y = 2 a - b + 3 c."""
    made = nn.Linear(3, 1, bias=False)
    made.weight.data = torch.tensor([[2.0, -1.0, 3.0]])
    return made


def test_a_score_grows_where_a_step_leads_away_from_zero(linear: nn.Linear) -> None:
    scoring = Scoring(linear.weight)
    register_parametrization(linear, "weight", scoring)
    # dL/dW = x: 1, 1, -1. Descent moves 2 to zero, -1 and 3 away from it.
    linear(torch.tensor([[1.0, 1.0, -1.0]])).sum().backward()
    assert scoring.scores.tolist() == [[-2.0, 1.0, 3.0]]
    linear(torch.tensor([[-0.5, 0.0, 2.0]])).sum().backward()
    assert scoring.scores.tolist() == [[-1.0, 1.0, -3.0]]


def test_a_masked_weight_is_scored_on_and_may_come_back_but_does_not_move(
    linear: nn.Linear,
) -> None:
    scoring = Scoring(linear.weight)
    register_parametrization(linear, "weight", scoring)
    scoring.scores += torch.tensor([[0.5, 1.0, 4.0]])
    scoring.mask_lowest(1 / 3)
    x = torch.tensor([[-1.0, 1.0, 1.0]])
    answer = linear(x)
    answer.sum().backward()
    assert answer.item() == 2.0
    (gradient,) = (parameter.grad for parameter in linear.parameters())
    assert gradient is not None
    assert gradient.tolist() == [[0.0, 1.0, 1.0]]
    assert scoring.scores.tolist() == [[2.5, 2.0, 1.0]]
    scoring.mask_lowest(1 / 3)
    assert linear.weight.tolist() == [[2.0, -1.0, 0.0]]


def test_of_weights_that_never_moved_no_more_than_the_share_is_masked(linear: nn.Linear) -> None:
    scoring = Scoring(linear.weight)
    scoring.mask_lowest(1 / 3)
    assert int(scoring.mask.sum()) == 2


def test_sparsity_grows_and_each_matrix_ends_with_its_share(
    tiny: Classifier, evidence: PruningContext
) -> None:
    watching, seen = watched(evidence.train, zero_share)
    step = Movement(method="movement", sparsity=0.5, growth_epochs=2)
    pruned = step.prune(tiny, replace(evidence, train=watching))
    # 0.5 - 0.5 * (1 - t / 6)^3.
    assert seen == pytest.approx([0.2106, 0.3519, 0.4375, 0.4815, 0.4977, 0.5], abs=0.002)
    assert [float((w == 0).float().mean()) for w in linear_weights(pruned)] == [0.5] * 12
    assert pruned.module.state_dict().keys() == tiny.module.state_dict().keys()
    assert all(parameter.requires_grad for parameter in pruned.module.parameters())


def test_it_is_no_magnitude(tiny: Classifier, evidence: PruningContext) -> None:
    pruned = Movement(method="movement", sparsity=0.5).prune(tiny, evidence)
    gone = torch.cat([(w == 0).flatten() for w in linear_weights(pruned)])
    sizes = torch.cat([w.detach().abs().flatten() for w in linear_weights(tiny)])
    smaller = sizes <= sizes.median()
    assert 0.3 < float((gone & smaller).sum() / gone.sum()) < 0.9


def test_zeros_of_an_earlier_step_stay_and_count(
    tiny: Classifier, evidence: PruningContext
) -> None:
    rows = evidence.sample
    plan = Optimization(epochs=1, learning_rate=0.01, batch_size=4)
    recovery = RetrainingData(rows, evidence.loss, plan, rows)
    steps: list[PruningMethod] = [
        Magnitude(method="magnitude", sparsity=0.3, scheme="class-uniform"),
        Movement(method="movement", sparsity=0.5, growth_epochs=1),
    ]
    before = Magnitude(method="magnitude", sparsity=0.3, scheme="class-uniform", recovery_epochs=0)
    gone = [w == 0 for w in linear_weights(before.prune(tiny, evidence))]
    pruned = run_steps(steps, tiny, recovery).classifier
    assert all(
        bool((w[zero] == 0).all()) for w, zero in zip(linear_weights(pruned), gone, strict=True)
    )
    assert zero_share(pruned) == pytest.approx(0.5, abs=0.001)


def test_recovery_holds_the_zeros(tiny: Classifier, evidence: PruningContext) -> None:
    rows = evidence.sample
    plan = Optimization(epochs=1, learning_rate=0.01, batch_size=4)
    recovery = RetrainingData(rows, evidence.loss, plan, rows)
    step = Movement(method="movement", sparsity=0.5, growth_epochs=1, recovery_epochs=2)
    pressed = run_steps([step], tiny, recovery)
    assert zero_share(pressed.classifier) == pytest.approx(0.5, abs=0.001)
    assert [epoch.number for epoch in pressed.reports[0].epochs] == [1, 2, 3]
