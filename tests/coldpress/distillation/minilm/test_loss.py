from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation import Relations, StudentShape
from coldpress.distillation.minilm.loss import relation_loss, relations_loss
from coldpress.distillation.phase import Phase
from coldpress.errors import InputError
from coldpress.kinds import TEXT_CLASSIFICATION
from coldpress.method import TeacherDescription
from coldpress.model.activations import TeacherStudentLoss, record_activations
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_heads
from coldpress.teacher.size import TeacherSize
from coldpress.training.loop import target_loss

TEACHER = TeacherDescription(
    TeacherSize(layers=4, hidden_size=128, heads=4, neurons=512, vocabulary_size=4000)
)
BOTH = torch.tensor([[True, True]])
ROOT = math.sqrt(math.log(3))


def test_a_relation_worked_out_by_hand() -> None:
    """The student relates all alike: (1/2, 1/2). The teacher's first token has a score of ln 3
    with itself and 0 with the other: (3/4, 1/4); its second is 0 to both: (1/2, 1/2)."""
    student = torch.zeros(1, 2, 1)
    teacher = torch.tensor([[[ROOT], [0.0]]])
    first = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert relation_loss(student, teacher, 1, BOTH).item() == pytest.approx(first / 2, abs=1e-6)


def test_each_relation_head_has_its_share_of_the_features() -> None:
    """Two heads of one feature: the second says nothing in either model."""
    student = torch.zeros(1, 2, 2)
    teacher = torch.tensor([[[ROOT, 0.0], [0.0, 0.0]]])
    one = relation_loss(student[..., :1], teacher[..., :1], 1, BOTH).item()
    assert relation_loss(student, teacher, 2, BOTH).item() == pytest.approx(one / 2, abs=1e-6)


def test_scores_are_divided_by_the_root_of_a_heads_features() -> None:
    """ln 3 * 4 / sqrt(4) in place of ln 3: (9/10, 1/10)."""
    student = torch.zeros(1, 2, 4)
    teacher = torch.tensor([[[ROOT] * 4, [0.0] * 4]])
    first = 0.9 * math.log(0.9 / 0.5) + 0.1 * math.log(0.1 / 0.5)
    assert relation_loss(student, teacher, 1, BOTH).item() == pytest.approx(first / 2, abs=1e-6)


@given(st.lists(st.floats(-3, 3), min_size=8, max_size=8))
def test_padding_is_ignored(padding: list[float]) -> None:
    torch.manual_seed(0)
    student = torch.randn(1, 3, 4)
    teacher = torch.randn(1, 3, 8)
    padded_student = torch.cat([student, torch.tensor(padding[:4]).view(1, 1, 4)], dim=1)
    padded_teacher = torch.cat([teacher, torch.tensor(padding).view(1, 1, 8)], dim=1)
    alone = relation_loss(student, teacher, 2, torch.ones(1, 3, dtype=torch.bool))
    padded = relation_loss(padded_student, padded_teacher, 2, torch.tensor([[True] * 3 + [False]]))
    assert padded.item() == pytest.approx(alone.item(), rel=1e-5)


def test_queries_keys_and_values_of_the_students_last_and_one_teacher_layer(
    tiny: Classifier, split: Split
) -> None:
    """The student's last layer has one head: the numbers of heads need not be equal."""
    student = keep_heads(tiny, [[0, 1], [2]])
    batch = encode(tiny.tokenizer, split).batch([3, 7])
    with torch.no_grad():
        states = record_activations(student, batch)
        target = record_activations(tiny, batch)
        value = relations_loss(tiny, 0, 2).loss(states, target, torch.from_numpy(batch.rows)).item()
        expected = sum(
            relation_loss(own[1], teachers[0], 2, states.token_mask).item()
            for own, teachers in (
                (states.queries, target.queries),
                (states.keys, target.keys),
                (states.values, target.values),
            )
        )
    assert value == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("teacher_layer", "layer"), [(None, 1), (1, 0)])
def test_the_last_teacher_layer_is_the_default(
    tiny: Classifier, split: Split, teacher_layer: int | None, layer: int
) -> None:
    by = Relations(
        method="relations",
        student=StudentShape(layers=1),
        relation_heads=2,
        relation_epochs=3,
        teacher_layer=teacher_layer,
    )
    loss = target_loss(TEXT_CLASSIFICATION, np.zeros(12, dtype=np.int64))
    first, second = by.phases(tiny, loss)
    batch = encode(tiny.tokenizer, split).batch([3, 7])
    with torch.no_grad():
        states = record_activations(tiny, batch)
        numbers = torch.from_numpy(batch.rows)
        assert isinstance(first.loss, TeacherStudentLoss)
        value = first.loss.loss(states, states, numbers).item()
        assert value == relations_loss(tiny, layer, 2).loss(states, states, numbers).item()
    assert (first.plan.epochs, first.select_epoch) == (3, False)
    assert second == Phase("prediction", loss, by)


@pytest.mark.parametrize(
    ("section", "wrong"),
    [
        ({"relation_heads": 48}, "relation_heads: 48 does not divide the teacher's 128 query feat"),
        ({"teacher_layer": 5}, "teacher_layer: 5, but the teacher has 4 layers"),
        ({"student": {"layers": 5}}, "student.layers: 5, but the teacher has 4"),
    ],
)
def test_settings_that_do_not_fit_the_teacher_are_refused(
    section: dict[str, Any], wrong: str
) -> None:
    by = Relations.model_validate({"method": "relations", "student": {"layers": 2}, **section})
    with pytest.raises(InputError, match=f"distill.{wrong}"):
        by.check(TEACHER)
