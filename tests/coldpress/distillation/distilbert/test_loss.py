from __future__ import annotations

import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation.distilbert.loss import add_cosine_loss, cosine_loss
from coldpress.model.activations import record_activations
from coldpress.model.classifier import Classifier

# Two rows of two tokens: parallel, orthogonal, opposite, and padding.
STUDENT = torch.tensor([[[1.0, 0.0], [0.0, 3.0]], [[2.0, 2.0], [5.0, 5.0]]])
TEACHER = torch.tensor([[[4.0, 0.0], [1.0, 0.0]], [[-1.0, -1.0], [5.0, 5.0]]])
REAL = torch.tensor([[True, True], [True, False]])


def test_cosine_loss_worked_out_by_hand() -> None:
    """1 - cos is 0, 1 and 2."""
    assert cosine_loss(STUDENT, TEACHER, REAL).item() == pytest.approx(1.0, abs=1e-6)


def test_length_does_not_matter() -> None:
    assert cosine_loss(STUDENT, 7 * STUDENT, REAL).item() == pytest.approx(0.0, abs=1e-6)


def test_the_weighted_cosine_loss_of_the_last_layer_is_added_to_the_loss_of_the_logits(
    tiny: Classifier, split: Split
) -> None:
    batch = encode(tiny.tokenizer, split).batch([3, 7])
    states = record_activations(tiny, batch)
    teacher = tiny.copy()
    for parameter in teacher.layers[-1].parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    target = record_activations(teacher, batch)
    distance = cosine_loss(
        states.hidden_states[-1], target.hidden_states[-1], states.token_mask
    ).item()

    def sum_of_rows(logits: Tensor, rows: Tensor) -> Tensor:
        return logits.new_tensor(float(rows.sum()))

    triple_loss = add_cosine_loss(teacher, sum_of_rows, 0.5)
    value = triple_loss.loss(states, target, torch.from_numpy(batch.rows)).item()
    assert distance > 0.01
    assert value == pytest.approx(10 + 0.5 * distance, abs=1e-5)
