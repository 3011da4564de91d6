from __future__ import annotations

import pytest
import torch

from coldpress.data.splits import Split
from coldpress.distillation import Logits, StudentShape
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.transfer import build_distillation_data
from coldpress.model.classifier import Classifier

SOFT_ALONE = Logits(method="logits", student=StudentShape(layers=1), alpha=1.0)


def test_every_row_meets_its_own_answer_whatever_their_order(
    tiny: Classifier, split: Split
) -> None:
    backwards = compute_soft_targets(tiny, split.take(range(11, -1, -1)))
    learned = build_distillation_data(tiny, SOFT_ALONE, backwards, split, split.take([0, 1]))
    logits, rows = tiny.logits(learned.train), torch.tensor([3, 7])
    assert learned.loss(logits[rows], rows).item() == pytest.approx(0.0, abs=1e-5)
    assert learned.loss(logits[rows.flip(0)], rows).item() > 0.01
    assert learned.validation.labels.tolist() == [0, 1]
