from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from transformers import ElectraForSequenceClassification

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.errors import InputError
from coldpress.model.checkpoint import Checkpoint, LayerShape, Manifest
from coldpress.model.classifier import Classifier
from coldpress.model.serialization import load_classifier, write_checkpoint
from coldpress.model.surgery import keep_heads, keep_layers, keep_neurons, keep_width

ALL_HEADS = [range(4), range(4)]
ALL_NEURONS = [range(32), range(32)]
shared_fixtures = settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def weight(classifier: Classifier, layer: int, role: str) -> Tensor:
    return classifier.linear(classifier.layers[layer], role).weight.detach()


def choices(units: int) -> st.SearchStrategy[list[list[int]]]:
    """Units to keep in each of two layers."""
    layer = st.lists(st.integers(0, units - 1), min_size=1, max_size=units, unique=True)
    return st.lists(layer, min_size=2, max_size=2)


def silence_others(
    classifier: Classifier, role: str, keep: list[list[int]], width: int
) -> Classifier:
    """Zero the columns that read the other units, without changing a shape."""
    silenced = classifier.copy()
    for layer, keep_indices in zip(silenced.layers, keep, strict=True):
        columns = silenced.linear(layer, role).weight.data.view(16, -1, width)
        removed = [unit for unit in range(columns.shape[1]) if unit not in keep_indices]
        columns[:, removed] = 0.0
    return silenced


def test_keeping_everything_changes_no_bit(tiny: Classifier, rows: EncodedSplit) -> None:
    untouched = tiny.logits(rows)
    assert torch.equal(keep_heads(tiny, ALL_HEADS).logits(rows), untouched)
    assert torch.equal(keep_neurons(tiny, ALL_NEURONS).logits(rows), untouched)
    assert torch.equal(keep_layers(tiny, [0, 1]).logits(rows), untouched)
    assert torch.equal(keep_width(tiny, range(16)).logits(rows), untouched)


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


def test_a_pruned_module_has_the_new_sizes(tiny: Classifier) -> None:
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
@given(keep=choices(4))
def test_a_removed_head_is_a_silenced_head(
    tiny: Classifier, rows: EncodedSplit, keep: list[list[int]]
) -> None:
    silenced = silence_others(tiny, "attention_output", keep, width=4)
    torch.testing.assert_close(keep_heads(tiny, keep).logits(rows), silenced.logits(rows))


@shared_fixtures
@given(keep=choices(32))
def test_a_removed_neuron_is_a_silenced_neuron(
    tiny: Classifier, rows: EncodedSplit, keep: list[list[int]]
) -> None:
    silenced = silence_others(tiny, "down", keep, width=1)
    torch.testing.assert_close(keep_neurons(tiny, keep).logits(rows), silenced.logits(rows))


def test_heads_can_be_removed_twice(tiny: Classifier, rows: EncodedSplit) -> None:
    twice = keep_heads(keep_heads(tiny, [[0, 2, 3], [1, 2]]), [[1, 2], [1]])
    once = keep_heads(tiny, [[2, 3], [2]])
    assert torch.equal(twice.logits(rows), once.logits(rows))


def test_only_the_given_layers_stay(tiny: Classifier) -> None:
    student = keep_layers(tiny, [1])
    assert student.shapes == (LayerShape(heads=4, neurons=32),)
    assert student.config.num_hidden_layers == 1
    assert torch.equal(weight(student, 0, "up"), weight(tiny, 1, "up"))
    assert student.module.get_parameter("classifier.weight").shape == (3, 16)


def test_pruning_does_not_change_the_source(tiny: Classifier) -> None:
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


def test_every_layer_needs_a_choice(tiny: Classifier) -> None:
    with pytest.raises(ValueError, match=r"shorter|longer"):
        keep_heads(tiny, [[0]])


def test_dimensions_are_removed_everywhere(tiny: Classifier) -> None:
    keep_indices = [1, 2, 3, 5, 8, 9, 13, 15]
    narrow = keep_width(tiny, keep_indices[::-1])
    assert narrow.shapes == tiny.shapes
    assert (narrow.config.hidden_size, narrow.head_size) == (8, 4)
    for role in ("query", "key", "value", "up"):
        assert torch.equal(weight(narrow, 1, role), weight(tiny, 1, role)[:, keep_indices])
    for role in ("attention_output", "down"):
        assert torch.equal(weight(narrow, 1, role), weight(tiny, 1, role)[keep_indices])
    for table in ("word_embeddings", "position_embeddings", "token_type_embeddings"):
        own, whole = (m.encoder.get_parameter(f"embeddings.{table}.weight") for m in (narrow, tiny))
        assert torch.equal(own, whole[:, keep_indices])
    sizes = {p.shape for n, p in narrow.module.named_parameters() if "LayerNorm" in n}
    assert sizes == {(8,)}


def test_the_heaviest_features_of_the_head_stay(tiny: Classifier) -> None:
    """Of the sixteen columns of the output weight, the odd ones are largest."""
    output = tiny.module.get_parameter("classifier.weight")
    output.data = torch.arange(16.0).remainder(2).repeat(3, 1) + 0.1
    pooler = tiny.module.get_parameter("bert.pooler.dense.weight").detach().clone()
    narrow = keep_width(tiny, range(8))
    assert narrow.module.get_parameter("classifier.weight").flatten().tolist() == (
        pytest.approx([1.1] * 24)
    )
    assert torch.equal(narrow.module.get_parameter("bert.pooler.dense.weight"), pooler[1::2, :8])


def test_a_width_is_a_multiple_of_the_head_size(tiny: Classifier) -> None:
    with pytest.raises(ValueError, match="6 dimensions are not a multiple of the head size 4"):
        keep_width(tiny, range(6))


def test_a_width_that_a_configuration_cannot_describe_is_refused(
    random_classifier: Callable[[str], Classifier],
) -> None:
    """An ELECTRA with tables of this width is loaded without a projection."""
    with pytest.raises(InputError, match=r"distill\.student\.width: .* take another width"):
        keep_width(random_classifier("electra"), range(8))


def test_tables_without_a_projection_are_narrowed(
    random_classifier: Callable[[str], Classifier], rows: EncodedSplit, tmp_path: Path
) -> None:
    """An ELECTRA whose tables have the hidden size: the configuration changes both widths."""
    electra = random_classifier("electra")
    config = copy.deepcopy(electra.config)
    config.embedding_size = 16
    module: nn.Module = ElectraForSequenceClassification(config)
    module.eval()
    narrow = keep_width(
        Classifier(module, electra.tokenizer, electra.labels, electra.kind), range(12)
    )
    write_checkpoint(narrow, tmp_path / "narrow", Manifest(stage="distill_student"))
    back = load_classifier(Checkpoint.open(tmp_path / "narrow"))
    assert back.token_table.embedding_dim == narrow.config.embedding_size == 12
    assert torch.equal(back.logits(rows), narrow.logits(rows))
