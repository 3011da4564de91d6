import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from coldpress.distillation.hinton.loss import TargetMixture, soft_and_hard_loss
from coldpress.distillation.student import StudentShape
from coldpress.kinds import TEXT_CLASSIFICATION

# At T = 2 the teacher predicts (1/2, 1/4, 1/4) and the student (1/3, 1/3, 1/3).
TEACHER = torch.tensor([[2 * math.log(2), 0.0, 0.0]])
STUDENT = torch.zeros(1, 3)
soft_loss = TEXT_CLASSIFICATION.soft_loss
KL = 0.5 * math.log(3 / 2) + 0.5 * math.log(3 / 4)


def mixture(teacher: torch.Tensor) -> TargetMixture:
    """Soft targets of all rows, and a label of the first."""
    return TargetMixture(TEXT_CLASSIFICATION, teacher, torch.tensor([1]))


def test_three_logits_worked_out_by_hand() -> None:
    assert TEXT_CLASSIFICATION.soft_loss(STUDENT, TEACHER, 2.0).item() == pytest.approx(
        4 * KL, abs=1e-6
    )


def test_the_loss_of_a_batch_is_the_mean_of_its_rows() -> None:
    students = torch.zeros(2, 3)
    teachers = torch.cat([TEACHER, torch.zeros(1, 3)])
    assert float(soft_loss(students, teachers, 2.0)) == pytest.approx(2 * KL, abs=1e-6)


def test_alpha_weighs_soft_targets_against_labels() -> None:
    loss = soft_and_hard_loss(mixture(TEACHER), temperature=2.0, alpha=0.75)
    expected = 0.75 * 4 * KL + 0.25 * math.log(3)
    assert loss(STUDENT, torch.tensor([0])).item() == pytest.approx(expected, abs=1e-6)


def test_an_unlabelled_row_has_the_soft_term_only() -> None:
    loss = soft_and_hard_loss(mixture(TEACHER.repeat(2, 1)), temperature=2.0, alpha=0.75)
    assert loss(STUDENT, torch.tensor([1])).item() == pytest.approx(0.75 * 4 * KL, abs=1e-6)


def test_logits_may_be_on_another_device_than_the_row_numbers() -> None:
    loss = soft_and_hard_loss(mixture(TEACHER.repeat(2, 1)), temperature=2.0, alpha=0.75)
    value = loss(torch.zeros(2, 3, device="meta"), torch.tensor([1, 0]))
    assert (value.device.type, value.shape) == ("meta", ())


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=6), st.floats(0.5, 20))
def test_the_loss_is_zero_if_student_and_teacher_agree(
    logits: list[float], temperature: float
) -> None:
    row = torch.tensor([logits], dtype=torch.float64)
    assert float(soft_loss(row + 3.0, row, temperature)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("take", "layers"), [("every-other", [0, 2, 4]), ("first", [0, 1, 2]), ("last", [3, 4, 5])]
)
def test_teacher_layers_of_a_student_of_three_out_of_six(take: str, layers: list[int]) -> None:
    shape = StudentShape.model_validate({"layers": 3, "take": take})
    assert shape.teacher_layers(6) == layers
