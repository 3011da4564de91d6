from __future__ import annotations

from typing import Any, cast

import pytest
import torch
from torch import nn

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.distillation import DistilBert, Hidden, Logits, Relations, StudentShape
from coldpress.distillation.student_init import measure_activations
from coldpress.errors import InputError
from coldpress.method import TeacherDescription
from coldpress.model.checkpoint import LayerShape
from coldpress.model.classifier import Classifier
from coldpress.model.factored_embedding import full_token_table
from coldpress.teacher.size import TeacherSize

# Of rows with 3 and 4 tokens, whatever they are.
TOKENS = 7
TEACHER = TeacherDescription(
    TeacherSize(layers=4, hidden_size=128, heads=4, neurons=512, vocabulary_size=4000)
)


@pytest.fixture
def constant(tiny: Classifier) -> Classifier:
    """A model whose parts give the same whatever it reads: head h of the first layer four times
    h + 1, neuron i of the last layer i by way of relu."""
    tiny.config.hidden_act = "relu"
    for layer in tiny.layers:
        cast("Any", layer).intermediate.intermediate_act_fn = nn.ReLU()
    value, up = tiny.linear(tiny.layers[0], "value"), tiny.linear(tiny.layers[1], "up")
    nn.init.zeros_(value.weight)
    nn.init.zeros_(up.weight)
    value.bias.data = torch.arange(1.0, 5).repeat_interleave(4)
    up.bias.data = torch.arange(32.0)
    return tiny


def test_activity_worked_out_by_hand(constant: Classifier, split: Split) -> None:
    """A head's norm is sqrt(4 (h + 1)^2)."""
    stats = measure_activations(constant, encode(constant.tokenizer, split.take([0, 1])))
    assert stats.heads[0].tolist() == pytest.approx([TOKENS * 2 * h for h in (1, 2, 3, 4)])
    assert stats.neurons[1].tolist() == pytest.approx([TOKENS * i for i in range(32)])


def test_the_most_active_parts_are_what_a_student_starts_from(
    constant: Classifier, split: Split
) -> None:
    shape = StudentShape(layers=2, width=8, heads=2, neurons=3)
    student = shape.build(constant, split)
    assert student.shapes == (LayerShape(heads=2, neurons=3),) * 2
    value, up = student.linear(student.layers[0], "value"), student.linear(student.layers[1], "up")
    assert value.bias.tolist() == [3.0] * 4 + [4.0] * 4
    assert up.bias.tolist() == [29.0, 30.0, 31.0]
    assert student.config.hidden_size == 8
    assert constant.shapes == (LayerShape(heads=4, neurons=32),) * 2


def test_neurons_are_ranked_in_the_layer_that_the_student_takes(
    constant: Classifier, split: Split
) -> None:
    shape = StudentShape(layers=1, take="last", neurons=2)
    student = shape.build(constant, split)
    assert student.linear(student.layers[0], "up").bias.tolist() == [30.0, 31.0]


def test_a_token_table_is_factored_before_training(tiny: Classifier, split: Split) -> None:
    """A table of 12 tokens has at most rank 12, so that its product is the table itself."""
    student = StudentShape(layers=1, embedding_rank=12).build(tiny, split)
    assert student.token_table.embedding_dim == 12
    torch.testing.assert_close(full_token_table(student), full_token_table(tiny))
    narrow = StudentShape(layers=1, width=8, embedding_rank=3).build(tiny, split)
    assert full_token_table(narrow).shape == (12, 8)
    assert torch.linalg.matrix_rank(full_token_table(narrow)) == 3


@pytest.mark.parametrize(
    ("student", "wrong"),
    [
        ({"layers": 5}, "layers: 5, but the teacher has 4"),
        ({"layers": 1, "width": 160}, "width: 160, but the teacher has 128"),
        ({"layers": 1, "heads": 5}, "heads: 5, but the teacher has 4"),
        ({"layers": 1, "neurons": 513}, "neurons: 513, but the teacher has 512"),
        ({"layers": 1, "embedding_rank": 128}, "embedding_rank: 128 is not smaller than 128"),
        (
            {"layers": 1, "width": 64, "embedding_rank": 64},
            "embedding_rank: 64 is not smaller than 64",
        ),
        (
            {"layers": 1, "width": 48},
            "width: 48 is not a multiple of 32, the size of the teacher's",
        ),
    ],
)
def test_a_student_is_at_most_as_large_as_its_teacher(student: dict[str, int], wrong: str) -> None:
    by = Logits.model_validate({"method": "logits", "student": student})
    with pytest.raises(InputError, match=f"distill.student.{wrong}"):
        by.check(TEACHER)


def test_a_method_refuses_the_shapes_that_it_cannot_compare() -> None:
    narrow, few = StudentShape(layers=2, width=64), StudentShape(layers=2, heads=2)
    with pytest.raises(InputError, match=r"student\.width: distilbert compares"):
        DistilBert(method="distilbert", student=narrow).check(TEACHER)
    with pytest.raises(InputError, match=r"student\.heads: hidden compares attention"):
        Hidden(method="hidden", student=few).check(TEACHER)
    with pytest.raises(InputError, match="128 does not divide the student's 64 query features"):
        Relations(method="relations", student=few, relation_heads=128).check(TEACHER)
    Hidden(method="hidden", student=narrow).check(TEACHER)
    Relations(method="relations", student=few).check(TEACHER)
    DistilBert(method="distilbert", student=few).check(TEACHER)
