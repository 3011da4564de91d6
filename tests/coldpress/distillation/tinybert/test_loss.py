from __future__ import annotations

import pytest
import torch
from torch import nn

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation.tinybert.loss import (
    attention_loss,
    hidden_state_loss,
    layer_map,
    layerwise_loss,
)
from coldpress.model.activations import record_activations
from coldpress.model.attention_scores import unpadded_pairs
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_layers

REAL = torch.tensor([[True, True], [True, False]])


@pytest.mark.parametrize(
    ("student", "teacher", "mapped"),
    [(4, 12, [0, 3, 6, 9, 12]), (3, 6, [0, 2, 4, 6]), (2, 3, [0, 1, 3]), (1, 2, [0, 2])],
)
def test_layers_are_mapped_uniformly_and_the_last_to_the_last(
    student: int, teacher: int, mapped: list[int]
) -> None:
    assert layer_map(student, teacher) == mapped


def test_hidden_states_worked_out_by_hand() -> None:
    """Doubled by W, (1), (2), (3) become 2, 4, 6; the padded token's 9 is ignored."""
    student = torch.tensor([[[1.0], [2.0]], [[3.0], [9.0]]])
    teacher = torch.tensor([[[2.0, 1.0], [4.0, 4.0]], [[6.0, 6.0], [0.0, 0.0]]])
    doubled = nn.Linear(1, 2, bias=False)
    nn.init.constant_(doubled.weight, 2.0)
    assert hidden_state_loss(student, teacher, REAL, doubled).item() == pytest.approx(1 / 6)


def test_attention_matrices_worked_out_by_hand() -> None:
    """The second row has a single unpadded pair: five pairs in each of two heads."""
    student = torch.zeros(2, 2, 2, 2)
    teacher = torch.zeros(2, 2, 2, 2)
    teacher[0, 0, 0, 1] = 3.0
    teacher[1, 1, 0, 0] = 1.0
    teacher[1, 1, 1, 1] = 100.0
    assert attention_loss(student, teacher, unpadded_pairs(REAL)).item() == pytest.approx(
        (9 + 1) / 10
    )


def test_embeddings_hidden_states_and_attention_are_summed(tiny: Classifier, split: Split) -> None:
    student = keep_layers(tiny, [0])
    batch = encode(tiny.tokenizer, split).batch([3, 7])
    with torch.no_grad():
        states = record_activations(student, batch)
        target = record_activations(tiny, batch)
        loss = layerwise_loss(tiny, student)
        value = loss.loss(states, target, torch.from_numpy(batch.rows))
        expected = hidden_state_loss(
            states.hidden_states[1], target.hidden_states[2], states.token_mask, nn.Identity()
        )
        attention = tiny.architecture.attention
        scores = attention.scores(student, states, 0), attention.scores(tiny, target, 1)
        expected += attention_loss(*scores, unpadded_pairs(states.token_mask))
    # The embeddings are the teacher's own and do not differ.
    assert value.item() == pytest.approx(expected.item(), rel=1e-5)
    assert list(loss.projections.parameters()) == []
