from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation.phase import Phase, distill
from coldpress.distillation.transfer import DistillationData
from coldpress.model.classifier import Classifier
from coldpress.schema.section import Optimization
from coldpress.training.loop import label_loss


@pytest.mark.parametrize("judged", [True, False])
def test_a_phase_that_leaves_the_logits_alone_keeps_its_last_epoch(
    tiny: Classifier, split: Split, judged: bool
) -> None:
    """Of two steps, an epoch each, the second alone does something, and destroys the model."""
    rows = encode(tiny.tokenizer, split)
    answers, before = tiny.logits(rows).argmax(-1), tiny.logits(rows)
    unlearn, steps = label_loss(answers), iter((0.0, -1.0))

    def destroy_at_last(logits: Tensor, numbers: Tensor) -> Tensor:
        return next(steps) * unlearn(logits, numbers)

    shown = DistillationData(rows, unlearn, replace(rows, labels=answers.numpy()))
    plan = Optimization(epochs=2, learning_rate=0.2, batch_size=12)
    fitted = distill(tiny, [Phase("it", destroy_at_last, plan, judged)], shown)
    first, second = fitted["it"]
    assert first.validation_accuracy == 1.0 > second.validation_accuracy
    assert torch.allclose(tiny.logits(rows), before, atol=0.1) is judged


def test_phases_follow_each_other(tiny: Classifier, split: Split) -> None:
    rows, seen = encode(tiny.tokenizer, split), list[str]()

    def noted(name: str) -> Phase:
        def loss(logits: Tensor, numbers: Tensor) -> Tensor:
            seen.append(name)
            return logits.sum()

        return Phase(name, loss, Optimization(epochs=1, learning_rate=1e-3, batch_size=6))

    shown = DistillationData(rows, label_loss(torch.from_numpy(rows.labels)), rows)
    fitted = distill(tiny, [noted("layers"), noted("prediction")], shown)
    assert seen == ["layers", "layers", "prediction", "prediction"]
    assert {name: len(epochs) for name, epochs in fitted.items()} == {"layers": 1, "prediction": 1}
