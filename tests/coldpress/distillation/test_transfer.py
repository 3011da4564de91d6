from __future__ import annotations

import pytest
import torch

from coldpress.data.splits import Split
from coldpress.distillation import Logits, StudentShape
from coldpress.distillation.soft_targets import compute_soft_targets
from coldpress.distillation.transfer import soft_target_data
from coldpress.model.classifier import Classifier

SOFT_ALONE = Logits(method="logits", student=StudentShape(layers=1), alpha=1.0)


def test_rows_are_matched_with_their_soft_targets_in_any_order(
    tiny: Classifier, split: Split
) -> None:
    backwards = compute_soft_targets(tiny, split.take(range(11, -1, -1)))
    data = soft_target_data(tiny, SOFT_ALONE, backwards, split, split.take([0, 1]))
    logits = compute_soft_targets(tiny, split).logits.float()
    rows = torch.tensor([3, 7])
    assert data.loss(logits[rows], rows).item() == pytest.approx(0.0, abs=1e-5)
    assert data.loss(logits[rows.flip(0)], rows).item() > 0.01
    assert data.validation.targets.tolist() == [0, 1]
