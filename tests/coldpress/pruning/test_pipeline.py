from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import EncodedSplit
from coldpress.model.checkpoint import LayerShape
from coldpress.model.classifier import Classifier, count_parameters, score
from coldpress.pruning import Heads, Magnitude, Neurons
from coldpress.pruning.context import PruningContext
from coldpress.pruning.method import PruningMethod
from coldpress.pruning.pipeline import (
    PruningResult,
    Snapshot,
    StepReport,
    run_steps,
)
from coldpress.training.data import TrainingData
from tests.support.pruning_context import PLAN

HALF_NEURONS = Neurons(method="neurons", keep_neurons=0.5, recovery_epochs=2)
HALF_HEADS = Heads(method="heads", keep_heads=0.5, recovery_epochs=0)
HALF_ZERO = Magnitude(method="magnitude", sparsity=0.5, recovery_epochs=1)


def test_steps_run_in_order_each_with_its_own_retraining(
    tiny: Classifier, context: PruningContext
) -> None:
    steps: list[PruningMethod] = [HALF_NEURONS, HALF_HEADS, HALF_ZERO]
    result = run_steps(steps, tiny, context)
    neurons, heads, magnitude = result.reports
    assert [report.method for report in result.reports] == ["neurons", "heads", "magnitude"]
    assert [len(report.epochs) for report in result.reports] == [2, 0, 1]
    assert sum(neurons.pruned.neurons) == 32
    assert neurons.pruned.heads == (4, 4)
    assert (neurons.recovered, heads.recovered) == (heads.before, magnitude.before)
    assert sum(heads.pruned.heads) == 4
    assert sum(shape.heads for shape in result.classifier.shapes) == 4


def test_a_report_counts_the_remaining_parameters(
    tiny: Classifier, context: PruningContext
) -> None:
    result = run_steps([HALF_NEURONS], tiny, context)
    report = result.reports[0]
    assert report.before.parameters == count_parameters(tiny)
    assert report.pruned.parameters == count_parameters(tiny) - 32 * (16 + 1 + 16)
    assert not report.size_neutral
    rows = context.data.validation
    for snapshot, model in ((report.before, tiny), (report.recovered, result.classifier)):
        assert snapshot.validation_score == score(model, rows)


def test_retraining_does_not_change_the_source(tiny: Classifier, context: PruningContext) -> None:
    before = tiny.logits(context.data.train)
    steps: list[tuple[int, int]] = []
    recorded = replace(context, progress=lambda step, total, _: steps.append((step, total)))
    result = run_steps([HALF_NEURONS], tiny, recorded)
    untrained = HALF_NEURONS.prune(tiny, context)
    rows = context.data.train
    assert steps == [(step, 6) for step in range(1, 7)]
    assert not torch.allclose(result.classifier.logits(rows), untrained.logits(rows))
    assert torch.equal(tiny.logits(rows), before)
    assert tiny.shapes == (LayerShape(heads=4, neurons=32),) * 2


def test_zeros_are_kept_in_their_own_retraining_and_that_of_later_steps(
    tiny: Classifier, context: PruningContext
) -> None:
    for bias in (p for p in tiny.module.parameters() if p.ndim == 1):
        bias.data += 0.1
    removal = HALF_HEADS.model_copy(update={"recovery_epochs": 2})
    magnitude, heads = run_steps([HALF_ZERO, removal], tiny, context).reports
    zeroed = magnitude.before.nonzero - magnitude.pruned.nonzero
    assert zeroed == 2048
    assert magnitude.size_neutral
    assert magnitude.pruned.parameters == magnitude.before.parameters
    assert magnitude.recovered.nonzero == magnitude.pruned.nonzero
    assert heads.recovered.nonzero == heads.pruned.nonzero < heads.recovered.parameters


def test_without_steps_the_classifier_is_returned(
    tiny: Classifier, context: PruningContext
) -> None:
    result = run_steps([], tiny, context)
    assert result.classifier is tiny
    assert result.reports == ()


def test_importance_is_measured_on_a_bounded_sample_of_the_training_rows(
    tiny: Classifier, rows: EncodedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldpress.pruning.context.SAMPLE_ROWS", 5)
    logits_before = tiny.logits(rows)
    row_numbers: list[list[int]] = []

    def recording_loss(logits: Tensor, numbers: Tensor) -> Tensor:
        row_numbers.append(numbers.tolist())
        torch.testing.assert_close(logits, logits_before[numbers])
        return logits.square().mean()

    context = PruningContext(TrainingData(rows, recording_loss, rows), PLAN)
    run_steps([HALF_HEADS], tiny, context)
    run_steps([HALF_HEADS], tiny, context)
    first, second = row_numbers
    assert len(first) == len(set(first)) == 5
    assert first == second


def test_unlabelled_rows_are_sampled_too(
    tiny: Classifier, rows: EncodedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldpress.pruning.context.SAMPLE_ROWS", 11)
    partly = replace(rows, targets=rows.targets[:3])
    data = TrainingData(partly, lambda logits, _: logits.square().mean(), rows)
    context = PruningContext(data, PLAN)
    assert sum(run_steps([HALF_HEADS], tiny, context).reports[0].pruned.heads) == 4


def test_a_report_describes_sizes_and_accuracies() -> None:
    before = Snapshot(5283, 5283, 16, (4, 4), (32, 32), 0.95)
    pruned = Snapshot(4227, 4227, 12, (4, 4), (2, 30), 0.9)
    recovered = replace(pruned, validation_score=0.9412)
    assert str(StepReport("neurons", False, before, pruned, recovered, ())) == (
        "neurons: 5,283 -> 4,227 parameters, width 12, heads 4/4, neurons 2/30;"
        " validation accuracy 0.950 -> 0.900 -> 0.941"
    )


def test_a_report_of_zeros_says_that_the_model_is_not_smaller() -> None:
    before = Snapshot(5283, 5283, 16, (4, 4), (32, 32), 0.95)
    pruned = replace(before, nonzero=3235)
    assert str(StepReport("magnitude", True, before, pruned, pruned, ())) == (
        "magnitude: 5,283 -> 3,235 nonzero parameters, no shape changed: neither smaller nor"
        " faster; validation accuracy 0.950 -> 0.950 -> 0.950"
    )


def test_metrics_are_those_of_each_step_and_of_the_last_model(tiny: Classifier) -> None:
    before = Snapshot(5283, 5283, 16, (4, 4), (32, 32), 0.95)
    pruned = Snapshot(4227, 4200, 16, (4, 4), (2, 30), 0.9)
    first = StepReport("neurons", False, before, pruned, pruned, ())
    zeroed = replace(pruned, nonzero=2000, validation_score=0.8)
    recovered = replace(zeroed, validation_score=0.85)
    second = StepReport("magnitude", True, pruned, zeroed, recovered, ())
    assert PruningResult(tiny, (first, second)).metrics() == {
        "step_1_neurons_pruned_accuracy": 0.9,
        "step_1_neurons_recovered_accuracy": 0.9,
        "step_2_magnitude_pruned_accuracy": 0.8,
        "step_2_magnitude_recovered_accuracy": 0.85,
        "parameters": 4227,
        "nonzero_parameters": 2000,
        "validation_accuracy": 0.85,
    }
