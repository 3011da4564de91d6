from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import EncodedSplit
from coldpress.model.checkpoint import LayerShape
from coldpress.model.classifier import Classifier, accuracy, count_parameters
from coldpress.pruning import Heads, Magnitude, Neurons
from coldpress.pruning.method import PruningContext, PruningMethod
from coldpress.pruning.pipeline import (
    PruningResult,
    RetrainingData,
    Snapshot,
    StepReport,
    run_steps,
)
from coldpress.schema.section import Optimization
from coldpress.training.loop import Loss

HALF_NEURONS = Neurons(method="neurons", keep_neurons=0.5, recovery_epochs=2)
HALF_HEADS = Heads(method="heads", keep_heads=0.5, recovery_epochs=0)
HALF_ZERO = Magnitude(method="magnitude", sparsity=0.5, recovery_epochs=1)
PLAN = Optimization(epochs=9, learning_rate=0.01, batch_size=4)


@pytest.fixture
def recovery(rows: EncodedSplit, loss: Loss) -> RetrainingData:
    return RetrainingData(rows, loss, PLAN, validation=rows)


def test_steps_are_taken_in_order_each_with_its_own_recovery(
    tiny: Classifier, recovery: RetrainingData
) -> None:
    steps: list[PruningMethod] = [HALF_NEURONS, HALF_HEADS, HALF_ZERO]
    pressed = run_steps(steps, tiny, recovery)
    neurons, heads, magnitude = pressed.reports
    assert [report.method for report in pressed.reports] == ["neurons", "heads", "magnitude"]
    assert [len(report.epochs) for report in pressed.reports] == [2, 0, 1]
    assert sum(neurons.pruned.neurons) == 32
    assert neurons.pruned.heads == (4, 4)
    assert (neurons.recovered, heads.recovered) == (heads.before, magnitude.before)
    assert sum(heads.pruned.heads) == 4
    assert sum(shape.heads for shape in pressed.classifier.shapes) == 4


def test_a_report_counts_what_is_left(tiny: Classifier, recovery: RetrainingData) -> None:
    pressed = run_steps([HALF_NEURONS], tiny, recovery)
    report = pressed.reports[0]
    assert report.before.parameters == count_parameters(tiny)
    assert report.pruned.parameters == count_parameters(tiny) - 32 * (16 + 1 + 16)
    assert not report.size_neutral
    rows = recovery.validation
    for snapshot, model in ((report.before, tiny), (report.recovered, pressed.classifier)):
        score = accuracy(model.logits(rows), rows.labels.tolist())
        assert snapshot.validation_accuracy == score


def test_recovery_trains_and_the_source_is_untouched(
    tiny: Classifier, recovery: RetrainingData, evidence: PruningContext
) -> None:
    before = tiny.logits(recovery.train)
    told: list[tuple[int, int]] = []
    watched = replace(recovery, progress=lambda done, total, _: told.append((done, total)))
    pressed = run_steps([HALF_NEURONS], tiny, watched)
    untrained = HALF_NEURONS.prune(tiny, evidence)
    rows = recovery.train
    assert told == [(done, 6) for done in range(1, 7)]
    assert not torch.allclose(pressed.classifier.logits(rows), untrained.logits(rows))
    assert torch.equal(tiny.logits(rows), before)
    assert tiny.shapes == (LayerShape(heads=4, neurons=32),) * 2


def test_zeros_outlive_their_own_recovery_and_that_of_later_steps(
    tiny: Classifier, recovery: RetrainingData
) -> None:
    for bias in (p for p in tiny.module.parameters() if p.ndim == 1):
        bias.data += 0.1
    removal = HALF_HEADS.model_copy(update={"recovery_epochs": 2})
    magnitude, heads = run_steps([HALF_ZERO, removal], tiny, recovery).reports
    zeroed = magnitude.before.nonzero - magnitude.pruned.nonzero
    assert zeroed == 2048
    assert magnitude.size_neutral
    assert magnitude.pruned.parameters == magnitude.before.parameters
    assert magnitude.recovered.nonzero == magnitude.pruned.nonzero
    assert heads.recovered.nonzero == heads.pruned.nonzero < heads.recovered.parameters


def test_nothing_to_do_returns_the_classifier(tiny: Classifier, recovery: RetrainingData) -> None:
    pressed = run_steps([], tiny, recovery)
    assert pressed.classifier is tiny
    assert pressed.reports == ()


def test_importance_is_judged_on_a_bounded_sample_with_the_losss_own_row_numbers(
    tiny: Classifier, rows: EncodedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldpress.pruning.pipeline.SAMPLE_ROWS", 5)
    answers = tiny.logits(rows)
    asked: list[list[int]] = []

    def remembering(logits: Tensor, numbers: Tensor) -> Tensor:
        asked.append(numbers.tolist())
        torch.testing.assert_close(logits, answers[numbers])
        return logits.square().mean()

    recovery = RetrainingData(rows, remembering, PLAN, validation=rows)
    run_steps([HALF_HEADS], tiny, recovery)
    run_steps([HALF_HEADS], tiny, recovery)
    first, second = asked
    assert len(first) == len(set(first)) == 5
    assert first == second


def test_rows_without_a_label_are_sampled_too(
    tiny: Classifier, rows: EncodedSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coldpress.pruning.pipeline.SAMPLE_ROWS", 11)
    partly = replace(rows, labels=rows.labels[:3])
    recovery = RetrainingData(
        partly, lambda logits, _: logits.square().mean(), PLAN, validation=rows
    )
    assert sum(run_steps([HALF_HEADS], tiny, recovery).reports[0].pruned.heads) == 4


def test_a_report_says_what_was_removed_and_what_it_cost() -> None:
    before = Snapshot(5283, 5283, 16, (4, 4), (32, 32), 0.95)
    pruned = Snapshot(4227, 4227, 12, (4, 4), (2, 30), 0.9)
    recovered = replace(pruned, validation_accuracy=0.9412)
    assert str(StepReport("neurons", False, before, pruned, recovered, ())) == (
        "neurons: 5,283 -> 4,227 parameters, width 12, heads 4/4, neurons 2/30;"
        " validation accuracy 0.950 -> 0.900 -> 0.941"
    )


def test_a_report_of_zeros_says_that_nothing_became_smaller() -> None:
    before = Snapshot(5283, 5283, 16, (4, 4), (32, 32), 0.95)
    pruned = replace(before, nonzero=3235)
    assert str(StepReport("magnitude", True, before, pruned, pruned, ())) == (
        "magnitude: 5,283 -> 3,235 nonzero parameters, no shape changed: neither smaller nor"
        " faster; validation accuracy 0.950 -> 0.950 -> 0.950"
    )


def test_metrics_name_each_step_and_end_with_the_last(tiny: Classifier) -> None:
    before = Snapshot(5283, 5283, 16, (4, 4), (32, 32), 0.95)
    pruned = Snapshot(4227, 4200, 16, (4, 4), (2, 30), 0.9)
    first = StepReport("neurons", False, before, pruned, pruned, ())
    zeroed = replace(pruned, nonzero=2000, validation_accuracy=0.8)
    recovered = replace(zeroed, validation_accuracy=0.85)
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
