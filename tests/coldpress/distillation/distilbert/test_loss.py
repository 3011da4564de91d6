from __future__ import annotations

import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation.distilbert.loss import add_cosine_loss, cosine_loss
from coldpress.model.activations import record_activations
from coldpress.model.classifier import Classifier

# Two rows of two tokens: alike but for length, at right angles, opposite, and padding.
STUDENT = torch.tensor([[[1.0, 0.0], [0.0, 3.0]], [[2.0, 2.0], [5.0, 5.0]]])
TEACHER = torch.tensor([[[4.0, 0.0], [1.0, 0.0]], [[-1.0, -1.0], [5.0, 5.0]]])
REAL = torch.tensor([[True, True], [True, False]])


def test_directions_worked_out_by_hand() -> None:
    """1 - cos is 0, 1 and 2."""
    assert cosine_loss(STUDENT, TEACHER, REAL).item() == pytest.approx(1.0, abs=1e-6)


def test_length_says_nothing() -> None:
    assert cosine_loss(STUDENT, 7 * STUDENT, REAL).item() == pytest.approx(0.0, abs=1e-6)


def test_the_weighted_directions_of_the_last_layer_are_added_to_the_loss_of_logits(
    tiny: Classifier, split: Split
) -> None:
    batch = encode(tiny.tokenizer, split).batch([3, 7])
    states = record_activations(tiny, batch)
    other = tiny.copy()
    for parameter in other.layers[-1].parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    taught = record_activations(other, batch)
    apart = cosine_loss(
        states.hidden_states[-1], taught.hidden_states[-1], states.token_mask
    ).item()

    def rows_alone(logits: Tensor, rows: Tensor) -> Tensor:
        return logits.new_tensor(float(rows.sum()))

    compared = add_cosine_loss(other, rows_alone, 0.5)
    value = compared.loss(states, taught, torch.from_numpy(batch.rows)).item()
    assert apart > 0.01
    assert value == pytest.approx(10 + 0.5 * apart, abs=1e-5)
