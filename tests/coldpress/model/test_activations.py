from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.activations import Activations, TeacherStudentLoss, record_activations
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_heads
from coldpress.schema.section import Optimization
from coldpress.training.loop import fit, reseed

Make = Callable[[str], Classifier]
PLAN = Optimization(epochs=2, learning_rate=1e-2, batch_size=4)


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def attention_input(classifier: Classifier, states: Activations, layer: int) -> Tensor:
    """Normalize a layer's input where its attention reads it normalized."""
    norms = classifier.architecture.norms
    states_before = states.hidden_states[layer]
    if not norms.before_sublayers:
        return states_before
    normalized: Tensor = classifier.layers[layer].get_submodule(norms.attention)(states_before)
    return normalized


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_activations_of_every_family(
    family: str, random_classifier: Make, rows: EncodedSplit
) -> None:
    classifier = random_classifier(family)
    pruned = keep_heads(classifier, [[0], [0, 1], [0, 1, 2]])
    batch = rows.batch([0, 4])  # 3 and 7 tokens
    with torch.no_grad():
        states = record_activations(pruned, batch)
        expected = pruned.module(**pruned.inputs(batch)).logits
        first = pruned.linear(pruned.layers[0], "key")(attention_input(pruned, states, 0))
        last = pruned.linear(pruned.layers[2], "value")(attention_input(pruned, states, 2))
    assert torch.equal(states.logits, expected)
    assert [tuple(state.shape) for state in states.hidden_states] == [(2, 7, 16)] * 4
    assert [state.shape[-1] for state in states.queries] == [4, 8, 12]
    torch.testing.assert_close(states.keys[0], first)
    torch.testing.assert_close(states.values[2], last)
    assert states.token_mask.sum(1).tolist() == [3, 7]


def test_the_first_output_of_a_module_counts(tiny: Classifier, rows: EncodedSplit) -> None:
    layer = tiny.layers[0]
    key = tiny.linear(layer, "key")

    def call_again(*_: object) -> None:
        key(torch.zeros(1, 1, 16))

    layer.register_forward_hook(call_again)
    with torch.no_grad():
        states = record_activations(tiny, rows.batch([0]))
        torch.testing.assert_close(states.keys[0], key(states.hidden_states[0]))


def second_layer(student: Activations, teacher: Activations, rows: Tensor) -> Tensor:
    own = student.hidden_states[2][student.token_mask]
    return (own - teacher.hidden_states[2][teacher.token_mask]).square().mean()


def distance(student: Classifier, teacher: Classifier, rows: EncodedSplit) -> float:
    batch = rows.batch(range(len(rows)))
    with torch.no_grad():
        student_states = record_activations(student, batch)
        teacher_states = record_activations(teacher, batch)
        return second_layer(student_states, teacher_states, torch.from_numpy(batch.rows)).item()


def test_a_student_learns_its_teachers_activations(tiny: Classifier, rows: EncodedSplit) -> None:
    reseed(0, "distill_student")
    student = tiny.copy()
    before = {k: v.clone() for k, v in tiny.module.state_dict().items()}
    for parameter in student.layers[1].parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    initial = distance(student, tiny, rows)
    tiny.module.train()
    plan = PLAN.model_copy(update={"epochs": 12})
    fit(student, rows, TeacherStudentLoss(tiny, second_layer), plan, rows)
    assert distance(student, tiny, rows) < initial / 2
    assert all(torch.equal(value, before[key]) for key, value in tiny.module.state_dict().items())
    assert not tiny.module.training


def test_projections_are_trained_too(tiny: Classifier, rows: EncodedSplit) -> None:
    projection = nn.Linear(16, 16, bias=False)
    before = projection.weight.detach().clone()

    def projected(student: Activations, teacher: Activations, rows: Tensor) -> Tensor:
        own = projection(student.hidden_states[1].float())
        difference: Tensor = own - teacher.hidden_states[1].float()
        return difference.square().mean()

    fit(
        tiny,
        rows,
        TeacherStudentLoss(tiny.copy(), projected, nn.ModuleList([projection])),
        PLAN,
        rows,
    )
    assert not torch.equal(projection.weight, before)
    assert projection.weight.shape == (16, 16)
