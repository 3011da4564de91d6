"""Contract of pruning methods, checked for every family of the architecture table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model import serialization
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Checkpoint, Manifest, new_checkpoint
from coldpress.model.classifier import Classifier, count_parameters
from coldpress.onnx.export import export
from coldpress.onnx.layer_latency import measure_layer_latency
from coldpress.onnx.parity import check_parity
from coldpress.pruning import (
    L0,
    Embeddings,
    Fisher,
    Heads,
    Layers,
    Magnitude,
    Movement,
    Neurons,
    PruningStep,
    Vocabulary,
)
from coldpress.pruning.context import PruningContext
from coldpress.pruning.fisher.latency_search import LatencyTable
from coldpress.pruning.method import PruningMethod
from coldpress.pruning.sparsity import zero_share
from coldpress.training.data import labelled_data
from coldpress.training.loop import Epoch, reseed
from tests.support.method_names import method_names
from tests.support.pruning_context import PLAN
from tests.support.wordpiece import with_word_pieces

TargetCheck = Callable[[Classifier, Classifier], bool]


def heads(classifier: Classifier) -> int:
    return sum(shape.heads for shape in classifier.shapes)


def neurons(classifier: Classifier) -> int:
    return sum(shape.neurons for shape in classifier.shapes)


def half_is_zero(_: Classifier, pruned: Classifier) -> bool:
    return abs(zero_share(pruned) - 0.5) < 0.001


def of_a_neuron(classifier: Classifier) -> int:
    # 16 weights in up and 16 in down; a gate has as many.
    return 32 if classifier.architecture.feed_forward.gate is None else 48


def half_of_the_macs(source: Classifier, pruned: Classifier) -> bool:
    # A mean length of 5: a head costs 4 * (4 * 16 + 2 * 5) = 296.
    neuron = of_a_neuron(source)
    macs = 296 * heads(pruned) + neuron * neurons(pruned)
    return 0 <= (12 * 296 + 96 * neuron) / 2 - macs < neuron


def half_of_the_matrices(source: Classifier, pruned: Classifier) -> bool:
    within = share_of_the_matrices(source, pruned, 3) <= 0.5
    return within and share_of_the_matrices(source, pruned, 0) > 0.4


def share_of_the_matrices(source: Classifier, pruned: Classifier, extra_heads: int) -> float:
    """Share of weights kept, ignoring heads that closed sublayers keep beyond the budget."""
    # A head has 4 * 4 weights a dimension.
    neuron = of_a_neuron(source) // 16
    whole = 16 * (12 * 16 + 96 * neuron)
    units = 16 * (heads(pruned) - extra_heads) + neuron * neurons(pruned)
    return int(pruned.config.hidden_size) * units / whole


# One of each takes 20 ms. A head takes 5, so all of them add 45; a neuron 1, which adds 93.
TABLE = LatencyTable(tokens=5, smallest=20, heads=((1, 0), (4, 15)), neurons=((1, 0), (32, 31)))


def half_of_the_time(_: Classifier, pruned: Classifier) -> bool:
    milliseconds = 20 + 5 * (heads(pruned) - 3) + neurons(pruned) - 3
    return 0 <= 158 / 2 - milliseconds < 2


# Three layers of four heads and 32 neurons.
STEPS: Mapping[str, tuple[PruningMethod, TargetCheck]] = {
    "neurons": (
        Neurons(method="neurons", keep_neurons=0.5),
        lambda _, pruned: neurons(pruned) == 48,
    ),
    "heads": (Heads(method="heads", keep_heads=0.5), lambda _, pruned: heads(pruned) == 6),
    "heads, random": (
        Heads(method="heads", keep_heads=0.5, by="random"),
        lambda _, pruned: heads(pruned) == 6,
    ),
    "layers": (
        Layers(method="layers", keep_layers=2, drop="importance"),
        lambda _, pruned: len(pruned.layers) == 2,
    ),
    "fisher": (Fisher(method="fisher", keep_macs=0.5), half_of_the_macs),
    "fisher, in time": (Fisher(method="fisher", keep_latency=0.5), half_of_the_time),
    "magnitude": (Magnitude(method="magnitude", sparsity=0.5), half_is_zero),
    "magnitude, growing": (
        Magnitude(method="magnitude", sparsity=0.5, schedule="cubic"),
        half_is_zero,
    ),
    "magnitude, 2 of 4": (Magnitude(method="magnitude", pattern="2:4"), half_is_zero),
    "movement": (Movement(method="movement", sparsity=0.5, growth_epochs=1), half_is_zero),
    "l0": (L0(method="l0", keep_parameters=0.5, gate_epochs=2), half_of_the_matrices),
    "vocabulary": (
        # Of eight words the three texts have five; four tokens are special.
        Vocabulary(method="vocabulary"),
        lambda _, pruned: pruned.token_table.weight.shape[0] == 9,
    ),
    "embeddings": (
        Embeddings(method="embeddings", rank=4),
        lambda _, pruned: pruned.token_table.weight.shape == (12, 4),
    ),
}
ALL_KEPT: Mapping[str, PruningMethod] = {
    "neurons": Neurons(method="neurons", keep_neurons=1.0),
    "heads": Heads(method="heads", keep_heads=1.0),
    "heads, random": Heads(method="heads", keep_heads=1.0, by="random"),
    "layers": Layers(method="layers", keep_layers=3, drop="alternate"),
    "fisher": Fisher(method="fisher", keep_macs=1.0),
    "fisher, in time": Fisher(method="fisher", keep_latency=1.0),
    "magnitude": Magnitude(method="magnitude", sparsity=0.0),
    "magnitude, growing": Magnitude(method="magnitude", sparsity=0.0, schedule="cubic"),
    "magnitude, 4 of 4": Magnitude(method="magnitude", pattern="4:4"),
    "movement": Movement(method="movement", sparsity=0.0),
    "l0": L0(method="l0", keep_parameters=1.0),
    "vocabulary": Vocabulary(method="vocabulary"),
}


@pytest.fixture(params=sorted(ARCHITECTURES))
def source(
    request: pytest.FixtureRequest, random_classifier: Callable[[str], Classifier]
) -> Classifier:
    return with_word_pieces(random_classifier(request.param))


@pytest.fixture
def context(source: Classifier, split: Split) -> PruningContext:
    data = labelled_data(source, split, split)
    return PruningContext(data, PLAN, split.all_texts[:3], time_layers=lambda *_: TABLE)


def prune_seeded(step: PruningMethod, source: Classifier, context: PruningContext) -> Classifier:
    reseed(7, "prune")
    return step.prune(source, context)


def state(classifier: Classifier) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in classifier.module.state_dict().items()}


def same(first: Mapping[str, Tensor], second: Mapping[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(first[name], second[name]) for name in first
    )


def test_every_method_is_tested() -> None:
    assert {step.method for step, _ in STEPS.values()} == method_names(PruningStep)
    # A rank below the width always changes the table.
    names = method_names(PruningStep) - {"embeddings"}
    assert {step.method for step in ALL_KEPT.values()} == names


@pytest.mark.parametrize("name", STEPS)
def test_the_target_is_reached_reproducibly_and_the_source_not_changed(
    name: str, source: Classifier, context: PruningContext
) -> None:
    step, is_reached = STEPS[name]
    before = state(source)
    shapes = source.shapes
    epochs: dict[str, tuple[Epoch, ...]] = {}
    context = replace(context, report_epochs=epochs.__setitem__)
    pruned, again = (prune_seeded(step, source, context) for _ in range(2))
    assert step.trains == bool(epochs)
    assert is_reached(source, pruned)
    assert same(state(pruned), state(again))
    assert same(state(source), before)
    assert source.shapes == shapes
    assert step.size_neutral == (count_parameters(pruned) == count_parameters(source))


@pytest.mark.parametrize("name", ALL_KEPT)
def test_keeping_everything_is_the_identity(
    name: str, source: Classifier, context: PruningContext, split: Split
) -> None:
    pruned = prune_seeded(ALL_KEPT[name], source, replace(context, texts=split.all_texts))
    assert same(state(pruned), state(source))
    assert pruned.shapes == source.shapes


@pytest.mark.parametrize("name", STEPS)
def test_pruned_models_are_loaded_and_exported(
    name: str, source: Classifier, context: PruningContext, split: Split, tmp_path: Path
) -> None:
    pruned = prune_seeded(STEPS[name][0], source, context)
    serialization.write_checkpoint(pruned, tmp_path / "pruned", Manifest(stage="prune"))
    checkpoint = Checkpoint.open(tmp_path / "pruned")
    rows = encode(pruned.tokenizer, split)
    assert torch.equal(serialization.load_classifier(checkpoint).logits(rows), pruned.logits(rows))
    with new_checkpoint(tmp_path / "onnx", Manifest(stage="export_onnx")) as directory:
        export(checkpoint, directory, 17, {})
    assert check_parity(checkpoint, tmp_path / "onnx" / "model.onnx", rows).rows == 12


def test_layers_of_every_family_are_timed(source: Classifier, context: PruningContext) -> None:
    before = state(source)
    rows = context.sample.train
    table = measure_layer_latency(source, rows)
    assert table.tokens == sorted(len(row) for row in rows.input_ids)[6]
    assert table.smallest > 0
    assert [number for number, _ in table.heads] == [1, 2, 3, 4]
    assert [number for number, _ in table.neurons] == [1, 5, 9, 13, 16, 20, 24, 28, 32]
    for entries in (table.heads, table.neurons):
        times = [milliseconds for _, milliseconds in entries]
        assert times == sorted(times)
    assert same(state(source), before)
