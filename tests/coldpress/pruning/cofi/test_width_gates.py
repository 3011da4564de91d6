from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model import serialization
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Checkpoint, Manifest
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.pruning import L0
from coldpress.pruning.cofi.gates import ModelGates, apply_gates, create_gates, select_units
from coldpress.pruning.cofi.training import remove_closed
from coldpress.pruning.cofi.width_gates import fold_width_gates, gated_layer_norm, select_dimensions
from coldpress.pruning.method import PruningContext
from coldpress.training.loop import reseed

OPEN, CLOSED = 100.0, -100.0


def opened(classifier: Classifier, dimensions: list[int]) -> ModelGates:
    """Only these dimensions are open; the first of them by a half."""
    gates = create_gates(classifier)
    for log_alpha in gates.log_alphas:
        log_alpha.data.fill_(OPEN)
    gates.hidden.data.fill_(CLOSED)
    gates.hidden.data[dimensions] = OPEN
    gates.hidden.data[dimensions[0]] = 0.0
    return gates


def test_what_is_open_is_normalized_alone() -> None:
    norm = nn.LayerNorm(4, eps=0.0)
    norm.weight.data[:] = torch.tensor([1.0, 1, 2, 1])
    norm.bias.data[:] = 1
    states = torch.tensor([[1.0, 99, 3, 99]])
    gates = torch.tensor([1.0, 0, 0.5, 0])
    # 1 and 3 are normalized to -1 and 1; what comes out is weighed by 1 and 1/2, or not at all.
    for weighed, expected in ((True, [0, 0, 1.5, 0]), (False, [0, 0, 3, 0])):
        out = gated_layer_norm(states, norm, gates, weighed)
        assert out[0].tolist() == pytest.approx(expected, abs=1e-6)
        assert out[0, [1, 3]].tolist() == [0, 0]


def test_epsilon_is_added_to_the_variance_of_what_is_open() -> None:
    norm = nn.LayerNorm(4, eps=3.0)
    gates = torch.tensor([1.0, 0, 1, 0])
    # The variance of 1 and 3 is 1, and 1 / sqrt(1 + 3) a half.
    out = gated_layer_norm(torch.tensor([[1.0, 0, 3, 0]]), norm, gates, weighed=True)
    assert out[0].tolist() == pytest.approx([-0.5, 0, 0.5, 0], abs=1e-6)


def test_gates_that_are_all_open_change_no_bit(tiny: Classifier, rows: EncodedSplit) -> None:
    gates, answers = create_gates(tiny), tiny.logits(rows)
    for log_alpha in gates.log_alphas:
        log_alpha.data.fill_(OPEN)
    with apply_gates(tiny, gates):
        assert torch.equal(tiny.logits(rows), answers)


def test_a_model_without_any_open_dimension_still_answers(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    gates = create_gates(tiny)
    gates.hidden.data.fill_(CLOSED)
    with apply_gates(tiny, gates):
        assert tiny.logits(rows).isfinite().all()


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    # ELECTRA's tables here have a width of 8, which is not for its layers.
    dimensions=st.sampled_from([4, 12]).flatmap(
        lambda count: st.lists(st.integers(0, 15), min_size=count, max_size=count, unique=True)
    )
)
def test_a_removed_dimension_is_a_closed_one(
    family: str,
    random_classifier: Callable[[str], Classifier],
    split: Split,
    dimensions: list[int],
) -> None:
    source = random_classifier(family)
    rows = encode(source.tokenizer, split)
    gates = opened(source, dimensions)
    with apply_gates(source, gates):
        answers = source.logits(rows)
    assert select_dimensions(source, gates.hidden) == sorted(dimensions)
    narrow = remove_closed(source, gates, select_units(gates, 16, 1), sorted(dimensions))
    assert narrow.config.hidden_size == len(dimensions)
    torch.testing.assert_close(narrow.logits(rows), answers, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_a_model_without_closed_dimensions_is_read_elsewhere_and_becomes_onnx(
    family: str, random_classifier: Callable[[str], Classifier], split: Split, tmp_path: Path
) -> None:
    source = random_classifier(family)
    rows = encode(source.tokenizer, split)
    gates, dimensions = opened(source, [1, 2, 5, 15]), [1, 2, 5, 15]
    narrow = remove_closed(source, gates, select_units(gates, 4, 0.125), dimensions)
    serialization.write_checkpoint(narrow, tmp_path / "narrow", Manifest(stage="prune"))
    checkpoint = Checkpoint.open(tmp_path / "narrow")
    assert torch.equal(serialization.load_classifier(checkpoint).logits(rows), narrow.logits(rows))
    (tmp_path / "onnx").mkdir()
    export(checkpoint, tmp_path / "onnx", 17, {})
    assert check_parity(checkpoint, tmp_path / "onnx" / "model.onnx", rows).rows == 12


def test_a_width_is_rounded_up_to_whole_heads(tiny: Classifier) -> None:
    hidden = torch.full((16,), CLOSED)
    assert len(select_dimensions(tiny, hidden)) == 4
    hidden[[3, 7, 8, 9]] = OPEN
    assert select_dimensions(tiny, hidden) == [3, 7, 8, 9]
    hidden[0], hidden[1] = 0.0, -3.0
    # 4 + 0.83 + 0.2 dimensions are expected to stay: 8, with the first of those that are closed.
    assert select_dimensions(tiny, hidden) == [0, 1, 2, 3, 4, 7, 8, 9]


def test_a_width_that_a_configuration_cannot_say_is_passed_over(
    random_classifier: Callable[[str], Classifier],
) -> None:
    """Tables of a width of 8 lead by a projection to layers of 16."""
    hidden = torch.full((16,), CLOSED)
    hidden[:8] = OPEN
    assert len(select_dimensions(random_classifier("electra"), hidden)) == 12


def test_gates_close_on_dimensions_that_carry_nothing(
    tiny: Classifier, evidence: PruningContext
) -> None:
    nearly_nothing = torch.tensor([1.0, 0.001] * 8)
    fold_width_gates(tiny, nearly_nothing)
    reseed(0, "prune")
    pruned = L0(method="l0", keep_parameters=0.1, gate_epochs=40).prune(tiny, evidence)
    assert pruned.config.hidden_size == 8
    gains = pruned.encoder.get_parameter(f"{pruned.architecture.embedding_norm}.weight")
    # Two more than are open make whole heads of four.
    assert int((gains > 0.5).sum()) >= 6
    assert not ((gains > 1e-5) & (gains < 0.01)).any()
