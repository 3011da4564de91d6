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
from coldpress.model.factored_embedding import add_factors
from coldpress.onnx.export import export
from coldpress.onnx.parity import check_parity
from coldpress.pruning import L0
from coldpress.pruning.cofi.gates import ModelGates, apply_gates, create_gates, select_units
from coldpress.pruning.cofi.training import remove_closed
from coldpress.pruning.cofi.width_gates import fold_width_gates, gated_norm, select_dimensions
from coldpress.pruning.context import PruningContext
from coldpress.training.loop import reseed

OPEN = 100.0
CLOSED = -100.0


def open_gates(classifier: Classifier, dimensions: list[int]) -> ModelGates:
    """Only these dimensions are open; the first of them is half open."""
    gates = create_gates(classifier)
    for log_alpha in gates.log_alphas:
        log_alpha.data.fill_(OPEN)
    gates.width_log_alphas.data.fill_(CLOSED)
    gates.width_log_alphas.data[dimensions] = OPEN
    gates.width_log_alphas.data[dimensions[0]] = 0.0
    return gates


def test_only_open_dimensions_are_normalized() -> None:
    norm = nn.LayerNorm(4, eps=0.0)
    norm.weight.data[:] = torch.tensor([1.0, 1, 2, 1])
    norm.bias.data[:] = 1
    states = torch.tensor([[1.0, 99, 3, 99]])
    gates = torch.tensor([1.0, 0, 0.5, 0])
    # 1 and 3 are normalized to -1 and 1; the output is multiplied by 1 and 1/2, or not at all.
    for scale_output, expected in ((True, [0, 0, 1.5, 0]), (False, [0, 0, 3, 0])):
        out = gated_norm(states, norm, gates, scale_output)
        assert out[0].tolist() == pytest.approx(expected, abs=1e-6)
        assert out[0, [1, 3]].tolist() == [0, 0]


def test_epsilon_is_added_to_the_variance_of_open_dimensions() -> None:
    norm = nn.LayerNorm(4, eps=3.0)
    gates = torch.tensor([1.0, 0, 1, 0])
    # The variance of 1 and 3 is 1, and 1 / sqrt(1 + 3) a half.
    out = gated_norm(torch.tensor([[1.0, 0, 3, 0]]), norm, gates, scale_output=True)
    assert out[0].tolist() == pytest.approx([-0.5, 0, 0.5, 0], abs=1e-6)


def test_a_root_mean_square_is_that_of_open_dimensions() -> None:
    """The mean square of 1 and 7 is 25; that of all four would be another."""
    norm = nn.RMSNorm(4, eps=0.0)
    gates = torch.tensor([1.0, 0, 0.5, 0])
    out = gated_norm(torch.tensor([[1.0, 99, 7, 99]]), norm, gates, scale_output=True)
    assert out[0].tolist() == pytest.approx([0.2, 0, 0.7, 0], abs=1e-6)


def test_open_gates_change_nothing(tiny: Classifier, rows: EncodedSplit) -> None:
    gates = create_gates(tiny)
    logits = tiny.logits(rows)
    for log_alpha in gates.log_alphas:
        log_alpha.data.fill_(OPEN)
    with apply_gates(tiny, gates):
        assert torch.equal(tiny.logits(rows), logits)


def test_logits_are_finite_if_all_dimensions_are_closed(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    gates = create_gates(tiny)
    gates.width_log_alphas.data.fill_(CLOSED)
    with apply_gates(tiny, gates):
        assert tiny.logits(rows).isfinite().all()


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
@settings(
    max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    # 8 is the width of ELECTRA's embedding table here, and not possible for its layers.
    dimensions=st.sampled_from([4, 12]).flatmap(
        lambda count: st.lists(st.integers(0, 15), min_size=count, max_size=count, unique=True)
    )
)
def test_removing_closed_dimensions_changes_nothing(
    family: str,
    random_classifier: Callable[[str], Classifier],
    split: Split,
    dimensions: list[int],
) -> None:
    source = random_classifier(family)
    rows = encode(source.tokenizer, split)
    gates = open_gates(source, dimensions)
    with apply_gates(source, gates):
        logits = source.logits(rows)
    assert select_dimensions(source, gates.width_log_alphas) == sorted(dimensions)
    narrow = remove_closed(source, gates, select_units(gates, 16, 1), sorted(dimensions))
    assert narrow.config.hidden_size == len(dimensions)
    torch.testing.assert_close(narrow.logits(rows), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", ["bert", "eurobert"])
def test_a_factored_table_loses_closed_dimensions(
    family: str, random_classifier: Callable[[str], Classifier], split: Split
) -> None:
    """Where no normalization follows the table, the gates are folded into its second factor."""
    source = random_classifier(family)
    for parameter in add_factors(source, 6).parameters():
        nn.init.normal_(parameter, std=0.5)
    rows = encode(source.tokenizer, split)
    dimensions = [1, 2, 5, 15]
    gates = open_gates(source, dimensions)
    with apply_gates(source, gates):
        logits = source.logits(rows)
    narrow = remove_closed(source, gates, select_units(gates, 16, 1), dimensions)
    assert narrow.token_table.embedding_dim == 6
    torch.testing.assert_close(narrow.logits(rows), logits, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_a_narrowed_model_is_loaded_and_exported(
    family: str, random_classifier: Callable[[str], Classifier], split: Split, tmp_path: Path
) -> None:
    source = random_classifier(family)
    rows = encode(source.tokenizer, split)
    dimensions = [1, 2, 5, 15]
    gates = open_gates(source, dimensions)
    narrow = remove_closed(source, gates, select_units(gates, 4, 0.125), dimensions)
    serialization.write_checkpoint(narrow, tmp_path / "narrow", Manifest(stage="prune"))
    checkpoint = Checkpoint.open(tmp_path / "narrow")
    assert torch.equal(serialization.load_classifier(checkpoint).logits(rows), narrow.logits(rows))
    (tmp_path / "onnx").mkdir()
    export(checkpoint, tmp_path / "onnx", 17, {})
    assert check_parity(checkpoint, tmp_path / "onnx" / "model.onnx", rows).rows == 12


def test_the_width_is_rounded_up_to_whole_heads(tiny: Classifier) -> None:
    hidden = torch.full((16,), CLOSED)
    assert len(select_dimensions(tiny, hidden)) == 4
    hidden[[3, 7, 8, 9]] = OPEN
    assert select_dimensions(tiny, hidden) == [3, 7, 8, 9]
    hidden[0] = 0.0
    hidden[1] = -3.0
    # 4 + 0.83 + 0.2 dimensions are expected to be open: 8, with the first of the closed ones.
    assert select_dimensions(tiny, hidden) == [0, 1, 2, 3, 4, 7, 8, 9]


def test_the_width_of_a_projected_embedding_table_is_skipped(
    random_classifier: Callable[[str], Classifier],
) -> None:
    """A projection leads from an embedding table of width 8 to layers of width 16."""
    hidden = torch.full((16,), CLOSED)
    hidden[:8] = OPEN
    assert len(select_dimensions(random_classifier("electra"), hidden)) == 12


def test_gates_of_useless_dimensions_close(tiny: Classifier, context: PruningContext) -> None:
    """With other seeds, L0 reaches its budget by closing more heads and neurons instead."""
    nearly_nothing = torch.tensor([1.0, 0.001] * 8)
    fold_width_gates(tiny, nearly_nothing)
    reseed(1, "prune")
    pruned = L0(method="l0", keep_parameters=0.1, gate_epochs=40).prune(tiny, context)
    assert pruned.config.hidden_size == 8
    gains = pruned.encoder.get_parameter(f"{pruned.architecture.embeddings.norm}.weight")
    # Two closed dimensions are kept to complete heads of four.
    assert int((gains > 0.5).sum()) >= 6
    assert not ((gains > 1e-5) & (gains < 0.01)).any()
