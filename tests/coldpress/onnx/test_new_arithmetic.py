"""A new arithmetic is an entry in the table: files, graphs, parity and scorecards follow it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto
from safetensors.torch import load_file
from torch import Tensor, nn

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import InputError, ParityError
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.export import export
from coldpress.onnx.graph.encoder import build_encoder_graph
from coldpress.onnx.parity import check_parity
from coldpress.onnx.token_embeddings import read_token_embeddings
from coldpress.quantization.arithmetic.arithmetic import (
    Arithmetic,
    EmbeddingLowering,
    LinearLowering,
    Precision,
    Producers,
    Storage,
    Tensors,
)
from coldpress.quantization.arithmetic.graph import (
    Activation,
    GraphBuilder,
    GraphTensor,
    ModulesByPath,
    add_biases,
    add_joined,
    add_tensor,
)
from coldpress.quantization.arithmetic.table import ARITHMETICS
from coldpress.quantization.core.convert import replace_modules
from coldpress.quantization.core.storage import load_any_precision
from coldpress.quantization.precision import describe_arithmetic

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]

# The weights of a row are its unit times one of these: 1, 1/2, ... 1/128, -1, -1/2, ... -1/128.
LEVELS = torch.tensor([sign * 2.0**-k for sign in (1, -1) for k in range(8)])
STEPS = 16.0
"""Activations are rounded to sixteenths."""
ROWS = GraphTensor(axis=0)


class PowerLinear(nn.Module):
    """Weights are powers of two times a unit for each row; a weight is a code of four bits."""

    unit: Tensor

    def __init__(self, out_features: int, in_features: int) -> None:
        super().__init__()
        self.out_features = out_features
        self.in_features = in_features
        codes = torch.zeros(out_features, in_features, dtype=torch.uint8)
        self.weight = nn.Parameter(codes, requires_grad=False)
        self.bias = nn.Parameter(torch.zeros(out_features), requires_grad=False)
        self.register_buffer("unit", torch.ones(out_features, 1))

    def forward(self, activation: Tensor) -> Tensor:
        weights = LEVELS[self.weight.long()] * self.unit
        return nn.functional.linear(torch.round(activation * STEPS) / STEPS, weights, self.bias)


@torch.no_grad()
def to_powers(_: str, source: nn.Linear) -> PowerLinear:
    module = PowerLinear(*source.weight.shape)
    module.unit = source.weight.abs().amax(1, keepdim=True)
    distances = ((source.weight / module.unit)[..., None] - LEVELS).abs()
    module.weight.data = distances.argmin(-1).to(torch.uint8)
    module.bias.data = source.bias.clone()
    return module


def pack_codes(module: PowerLinear) -> Tensor:
    """Return two codes per byte, the first in the low half: uint8 of shape (out, in / 2)."""
    codes = module.weight.detach()
    return codes[:, 0::2] | codes[:, 1::2] << 4


def unpack_codes(tensors: Tensors, shape: Sequence[int]) -> Tensor:
    packed = tensors["weight"]
    return torch.stack([packed & 15, packed >> 4], dim=-1).view(tuple(shape))


def build_power_linear(source: nn.Linear, _: Tensors) -> PowerLinear:
    return PowerLinear(*source.weight.shape)


def add_rounding(graph: GraphBuilder, values: str, _: ModulesByPath) -> Activation:
    steps = graph.constant("steps", np.asarray(STEPS, dtype=np.float32))
    rounded = graph.node("Round", [graph.node("Mul", [values, steps])])
    return Activation(graph.node("Div", [rounded, steps]))


def add_product(graph: GraphBuilder, activation: Activation, modules: ModulesByPath) -> str:
    """Look the codes up, scale them and multiply."""
    packed = [pack_codes(module).numpy() for module in modules.values()]
    codes = add_unpacking(graph, add_joined(graph, modules, "weight", packed, ROWS), modules)
    levels = add_tensor(graph, "levels", LEVELS)
    units = [module.unit.numpy() for module in modules.values()]
    unit = add_joined(graph, modules, "unit", units, ROWS)
    weights = graph.node("Mul", [graph.node("Gather", [levels, codes]), unit])
    transposed = graph.node("Transpose", [weights], perm=[1, 0])
    out = graph.node("MatMul", [activation.values, transposed])
    return graph.node("Add", [out, add_biases(graph, modules)])


def add_unpacking(graph: GraphBuilder, packed: str, modules: ModulesByPath) -> str:
    four = graph.constant("four", np.asarray(4, dtype=np.uint8))
    low = graph.node("BitShift", [packed, four], direction="LEFT")
    halves = [graph.node("BitShift", [half, four], direction="RIGHT") for half in (low, packed)]
    last = graph.integers(-1)
    pairs = graph.node("Concat", [graph.node("Unsqueeze", [h, last]) for h in halves], axis=-1)
    (columns,) = {module.in_features for module in modules.values()}
    codes = graph.node("Reshape", [pairs, graph.integers(-1, columns)])
    return graph.node("Cast", [codes], to=TensorProto.INT32)


def unrounded_input(multiplied: str, producers: Producers) -> str:
    rounded = producers[producers[multiplied].input[0]]
    return str(producers[rounded.input[0]].input[0])


POWERS = Arithmetic(
    module=PowerLinear,
    precision=lambda _: Precision(4, 32, "float32, weights are powers of two"),
    storage=Storage(
        replaces=nn.Linear,
        weight_types=frozenset({torch.uint8}),
        required=frozenset({"weight", "unit", "bias"}),
        build=build_power_linear,
        pack=pack_codes,
        unpack=unpack_codes,
    ),
    lowering=LinearLowering(
        add_product, add_rounding, operators=frozenset({"MatMul"}), unrounded_input=unrounded_input
    ),
    constants={"weight": ROWS, "unit": ROWS},
)


class HalfEmbedding(nn.Module):
    """A table in float16."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        rows = torch.zeros(num_embeddings, embedding_dim, dtype=torch.float16)
        self.weight = nn.Parameter(rows, requires_grad=False)

    def forward(self, indices: Tensor) -> Tensor:
        return self.weight[indices].float()


def to_half(_: str, weight: Tensor) -> HalfEmbedding:
    module = HalfEmbedding(*weight.shape)
    module.weight.data = weight.half()
    return module


HALVES = Arithmetic(
    module=HalfEmbedding,
    precision=lambda _: Precision(16, None, "float16 rows"),
    storage=Storage(
        replaces=nn.Embedding,
        weight_types=frozenset({torch.float16}),
        required=frozenset({"weight"}),
        build=lambda source, _: HalfEmbedding(*source.weight.shape),
        pack=lambda module: module.weight.detach(),
        unpack=lambda tensors, _: tensors["weight"],
    ),
    lowering=EmbeddingLowering(
        table=lambda graph, path, module: add_tensor(graph, f"{path}.weight", module.weight),
        scale_rows=lambda graph, rows, *_: graph.node("Cast", [rows], to=TensorProto.FLOAT),
    ),
)


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add both to the table until the end of the test."""
    for arithmetic in (POWERS, HALVES):
        monkeypatch.setitem(ARITHMETICS, arithmetic.module, arithmetic)


@pytest.fixture
def powers(tiny: Classifier) -> Classifier:
    return replace_modules(tiny, to_powers, to_half)


@pytest.mark.usefixtures("registered")
def test_the_arithmetic_is_stored_packed_and_loaded_with_equal_logits(
    powers: Classifier, tiny: Classifier, rows: EncodedSplit, store: Store
) -> None:
    checkpoint = store(powers, "powers")
    stored = load_file(checkpoint.path / "model.safetensors")["classifier.weight"]
    assert (stored.dtype, tuple(stored.shape)) == (torch.uint8, (3, 8))
    loaded = load_any_precision(checkpoint)
    assert torch.equal(loaded.logits(rows), powers.logits(rows))
    assert not torch.allclose(loaded.logits(rows), tiny.logits(rows), atol=0.01)


@pytest.mark.usefixtures("registered")
def test_its_file_has_parity_and_is_read_by_the_drift_profile(
    powers: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(powers, "powers")
    path = exported(checkpoint) / "model.onnx"
    parity = check_parity(checkpoint, path, rows)
    assert parity.max_logit_difference < 1e-5
    assert parity.label_agreement == 1.0
    assert parity.range > 0.5
    words = powers.token_table.weight.float().numpy()
    np.testing.assert_array_equal(read_token_embeddings(path), words)


@pytest.mark.usefixtures("registered")
def test_the_arithmetic_is_described_in_scorecards(powers: Classifier, store: Store) -> None:
    loaded = load_any_precision(store(powers, "powers"))
    assert [(p.weight_bits, p.computes_in, p.parts) for p in describe_arithmetic(loaded)] == [
        (16, "float16 rows", ("embeddings",)),
        (
            4,
            "float32, weights are powers of two",
            ("attention of layers 1 to 2", "feed-forward of layers 1 to 2", "pooler", "logits"),
        ),
    ]


@pytest.mark.usefixtures("registered")
def test_an_altered_code_is_detected_by_name(
    powers: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(powers, "powers")
    loaded = load_any_precision(checkpoint)
    loaded.linear(loaded.layers[0], "key").weight[3, 5] += 1
    other = exported(store(loaded, "other")) / "model.onnx"
    with pytest.raises(ParityError, match=r"0\.attention\.self\.key\.weight in the ONNX file diff"):
        check_parity(checkpoint, other, rows)


@pytest.mark.usefixtures("registered")
def test_another_operator_is_detected_at_its_module(
    powers: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(powers, "powers")
    path = exported(checkpoint) / "model.onnx"
    model = onnx.load(path)
    first = next(node for node in model.graph.node if node.op_type == "Gelu")
    first.op_type, first.domain = "Relu", ""
    onnx.save(model, path)
    with pytest.raises(ParityError, match=r"layer\.0\.output\.dense: the input differs"):
        check_parity(checkpoint, path, rows)


@pytest.mark.usefixtures("registered")
def test_a_module_whose_operator_is_not_in_the_file_fails(
    powers: Classifier,
    rows: EncodedSplit,
    store: Store,
    exported: Export,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checkpoint = store(powers, "powers")
    path = exported(checkpoint) / "model.onnx"
    gemm = LinearLowering(add_product, add_rounding, operators=frozenset({"Gemm"}))
    wrong = replace(POWERS, lowering=gemm)
    monkeypatch.setitem(ARITHMETICS, PowerLinear, wrong)
    with pytest.raises(ParityError, match="no Gemm of the ONNX file multiplies by its weight"):
        check_parity(checkpoint, path, rows)


def test_a_type_that_is_not_registered_is_refused(powers: Classifier, store: Store) -> None:
    message = "word_embeddings: no arithmetic is registered for HalfEmbedding"
    for use in (describe_arithmetic, build_encoder_graph, lambda model: store(model, "powers")):
        with pytest.raises(TypeError, match=message):
            use(powers)


def test_a_subclass_of_a_registered_type_is_refused(tiny: Classifier, store: Store) -> None:
    class Doubled(nn.Linear):
        """Computes something else than the linear module that it is."""

        def forward(self, activation: Tensor) -> Tensor:
            return 2 * super().forward(activation)

    tiny.module.set_submodule("classifier", Doubled(16, 3))
    with pytest.raises(TypeError, match="classifier: no arithmetic is registered for Doubled"):
        store(tiny, "doubled")


def test_a_file_of_an_unregistered_arithmetic_is_refused(
    powers: Classifier, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(ARITHMETICS, PowerLinear, POWERS)
        patch.setitem(ARITHMETICS, HalfEmbedding, HALVES)
        checkpoint = store(powers, "powers")
    with pytest.raises(InputError, match=r"\(weight\) are those of no registered arithmetic"):
        export(checkpoint, tmp_path, 17, {})


@pytest.mark.usefixtures("registered")
def test_arithmetics_with_the_same_tensors_are_refused_when_stored(
    powers: Classifier, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Twin(PowerLinear):
        """Stores what the other stores."""

    monkeypatch.setitem(ARITHMETICS, Twin, replace(POWERS, module=Twin))
    with pytest.raises(InputError, match="are those of PowerLinear and of Twin"):
        store(powers, "powers")


@pytest.mark.usefixtures("registered")
def test_modules_with_one_input_need_one_arithmetic(
    powers: Classifier, tiny: Classifier, store: Store, exported: Export
) -> None:
    source = tiny.linear(tiny.layers[0], "key")
    powers.module.set_submodule("bert.encoder.layer.0.attention.self.key", source)
    checkpoint = store(powers, "mixed")
    assert isinstance(load_any_precision(checkpoint).linear(powers.layers[0], "key"), nn.Linear)
    with pytest.raises(TypeError, match="modules with one input need one arithmetic"):
        exported(checkpoint)
