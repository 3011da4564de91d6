from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation.method import DistillationContext
from coldpress.distillation.phase import Phase, train_in_phases
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.model.classifier import Classifier
from coldpress.schema.section import Optimization
from coldpress.training.data import TrainingData
from coldpress.training.loop import Epoch, target_loss


@pytest.mark.parametrize("select_epoch", [True, False])
def test_a_phase_that_does_not_select_its_epoch_keeps_the_last_one(
    tiny: Classifier, split: Split, select_epoch: bool
) -> None:
    """Two epochs of one step: the first changes nothing, the second destroys the model."""
    rows = encode(tiny.tokenizer, split)
    before = tiny.logits(rows)
    predictions = before.argmax(-1)
    unlearn = target_loss(TEXT_CLASSIFICATION, predictions.numpy())
    steps = iter((0.0, -1.0))

    def destroy_at_last(logits: Tensor, numbers: Tensor) -> Tensor:
        return next(steps) * unlearn(logits, numbers)

    data = TrainingData(rows, unlearn, replace(rows, targets=predictions.numpy()))
    epochs: dict[str, tuple[Epoch, ...]] = {}
    context = DistillationContext(data, split, report_epochs=epochs.__setitem__)
    plan = Optimization(epochs=2, learning_rate=0.2, batch_size=12)
    train_in_phases(tiny, [Phase("", destroy_at_last, plan, select_epoch)], context)
    first, second = epochs[""]
    assert first.validation_score == 1.0 > second.validation_score
    assert torch.allclose(tiny.logits(rows), before, atol=0.1) is select_epoch


def test_phases_follow_each_other(tiny: Classifier, split: Split) -> None:
    rows = encode(tiny.tokenizer, split)
    names: list[str] = []

    def recorded(name: str) -> Phase:
        def loss(logits: Tensor, numbers: Tensor) -> Tensor:
            names.append(name)
            return logits.sum()

        return Phase(name, loss, Optimization(epochs=1, learning_rate=1e-3, batch_size=6))

    history: dict[str, tuple[Epoch, ...]] = {}
    data = TrainingData(rows, target_loss(TEXT_CLASSIFICATION, rows.targets), rows)
    context = DistillationContext(data, split, report_epochs=history.__setitem__)
    assert train_in_phases(tiny, [recorded("layers"), recorded("prediction")], context) is tiny
    assert names == ["layers", "layers", "prediction", "prediction"]
    assert {name: len(epochs) for name, epochs in history.items()} == {"layers": 1, "prediction": 1}
