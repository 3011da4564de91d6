from __future__ import annotations

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from coldpress.benchmark import Split
from coldpress.checkpoint import LayerShape
from coldpress.encoding import Encoded, encode
from coldpress.model import Classifier
from coldpress.surgery import keep_heads, keep_layers, keep_neurons

ALL_HEADS, ALL_NEURONS = [range(4), range(4)], [range(32), range(32)]
shared_fixtures = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> Encoded:
    return encode(tiny.tokenizer, split)


def weight(classifier: Classifier, layer: int, role: str) -> Tensor:
    return classifier.linear(classifier.layers[layer], role).weight.detach()


def kept(units: int) -> st.SearchStrategy[list[list[int]]]:
    """A choice of units in each of two layers."""
    layer = st.lists(st.integers(0, units - 1), min_size=1, max_size=units, unique=True)
    return st.lists(layer, min_size=2, max_size=2)


def masked(classifier: Classifier, role: str, keep: list[list[int]], width: int) -> Classifier:
    """Silence the other units by zeroing the columns that read them, changing no shape."""
    silenced = classifier.copy()
    for layer, stay in zip(silenced.layers, keep, strict=True):
        columns = silenced.linear(layer, role).weight.data.view(16, -1, width)
        gone = [unit for unit in range(columns.shape[1]) if unit not in stay]
        columns[:, gone] = 0.0
    return silenced


def test_keeping_everything_changes_no_bit(tiny: Classifier, rows: Encoded) -> None:
    untouched = tiny.logits(rows)
    assert torch.equal(keep_heads(tiny, ALL_HEADS).logits(rows), untouched)
    assert torch.equal(keep_neurons(tiny, ALL_NEURONS).logits(rows), untouched)
    assert torch.equal(keep_layers(tiny, [0, 1]).logits(rows), untouched)


def test_removed_heads_take_their_rows_and_columns_with_them(tiny: Classifier) -> None:
    pruned = keep_heads(tiny, [[2], [3, 0]])
    assert [shape.heads for shape in pruned.shapes] == [1, 2]
    for role in ("query", "key", "value"):
        assert torch.equal(weight(pruned, 0, role), weight(tiny, 0, role)[8:12])
    assert torch.equal(
        weight(pruned, 0, "attention_output"), weight(tiny, 0, "attention_output")[:, 8:12]
    )
    old = weight(tiny, 1, "query")
    assert torch.equal(weight(pruned, 1, "query"), torch.cat([old[0:4], old[12:16]]))
    assert tiny.linear(tiny.layers[0], "query").bias[8:12].tolist() == (
        pruned.linear(pruned.layers[0], "query").bias.tolist()
    )


def test_removed_neurons_take_their_rows_and_columns_with_them(tiny: Classifier) -> None:
    pruned = keep_neurons(tiny, [[31, 5], range(1, 4)])
    assert [shape.neurons for shape in pruned.shapes] == [2, 3]
    assert torch.equal(weight(pruned, 0, "up"), weight(tiny, 0, "up")[[5, 31]])
    assert torch.equal(weight(pruned, 0, "down"), weight(tiny, 0, "down")[:, [5, 31]])
    assert torch.equal(weight(pruned, 1, "up"), weight(tiny, 1, "up")[1:4])
    assert pruned.linear(pruned.layers[1], "up").bias.shape == (3,)


def test_a_cut_module_says_its_new_sizes(tiny: Classifier) -> None:
    pruned = keep_neurons(keep_heads(tiny, [[2], [0, 3]]), [range(5), range(7)])
    for layer, heads, neurons in zip(pruned.layers, (4, 8), (5, 7), strict=True):
        for role, sizes in {
            "query": (16, heads),
            "attention_output": (heads, 16),
            "up": (16, neurons),
            "down": (neurons, 16),
        }.items():
            linear = pruned.linear(layer, role)
            assert (linear.in_features, linear.out_features) == sizes
            assert linear.weight.shape == sizes[::-1]


@shared_fixtures
@given(keep=kept(4))
def test_a_removed_head_is_a_silenced_head(
    tiny: Classifier, rows: Encoded, keep: list[list[int]]
) -> None:
    silenced = masked(tiny, "attention_output", keep, width=4)
    torch.testing.assert_close(keep_heads(tiny, keep).logits(rows), silenced.logits(rows))


@shared_fixtures
@given(keep=kept(32))
def test_a_removed_neuron_is_a_silenced_neuron(
    tiny: Classifier, rows: Encoded, keep: list[list[int]]
) -> None:
    silenced = masked(tiny, "down", keep, width=1)
    torch.testing.assert_close(keep_neurons(tiny, keep).logits(rows), silenced.logits(rows))


def test_heads_can_be_removed_from_what_is_left_of_them(tiny: Classifier, rows: Encoded) -> None:
    twice = keep_heads(keep_heads(tiny, [[0, 2, 3], [1, 2]]), [[1, 2], [1]])
    once = keep_heads(tiny, [[2, 3], [2]])
    assert torch.equal(twice.logits(rows), once.logits(rows))


def test_a_student_is_made_of_the_layers_named(tiny: Classifier) -> None:
    student = keep_layers(tiny, [1])
    assert student.shapes == (LayerShape(heads=4, neurons=32),)
    assert student.config.num_hidden_layers == 1
    assert torch.equal(weight(student, 0, "up"), weight(tiny, 1, "up"))
    assert student.module.get_parameter("classifier.weight").shape == (3, 16)


def test_the_source_of_surgery_stays_as_it_is(tiny: Classifier) -> None:
    before = {name: value.clone() for name, value in tiny.module.state_dict().items()}
    for pruned in (
        keep_heads(tiny, [[0], [0]]),
        keep_neurons(tiny, [[0], [0]]),
        keep_layers(tiny, [0]),
    ):
        for parameter in pruned.module.parameters():
            parameter.data.zero_()
    assert tiny.shapes == (LayerShape(heads=4, neurons=32),) * 2
    assert tiny.config.num_hidden_layers == 2
    assert all(torch.equal(value, before[n]) for n, value in tiny.module.state_dict().items())


@pytest.mark.parametrize("wrong", [[], [4], [-1], [0, 0]])
def test_a_layer_keeps_at_least_one_unit_and_only_what_it_has(
    tiny: Classifier, wrong: list[int]
) -> None:
    for cut in (keep_heads, keep_neurons):
        with pytest.raises(ValueError, match="at least one of"):
            cut(tiny, [[0], [index * 8 for index in wrong]])
    with pytest.raises(ValueError, match="at least one of"):
        keep_layers(tiny, wrong)


def test_every_layer_is_decided_on(tiny: Classifier) -> None:
    with pytest.raises(ValueError, match="shorter"):
        keep_heads(tiny, [[0]])
