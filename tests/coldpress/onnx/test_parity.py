"""Parity of exported files with their checkpoints, and detection of altered files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import ParityError
from coldpress.model.architecture import ACTIVATION_FUNCTIONS, ARCHITECTURES
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.parity import Parity, check_parity, require_parity
from coldpress.quantization import (
    Binary,
    DynamicInt8,
    KBit,
    MixedPrecision,
    Qat,
    SmoothQuant,
    StaticInt8,
    WeightOnly,
)
from coldpress.quantization.method import Quantization
from tests.support.acceptance import does_not_raise
from tests.support.training_contexts import label_context

Make = Callable[[str], Classifier]
Cut = Callable[[Classifier], Classifier]
Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]
Array = NDArray[Any]

DYNAMIC = DynamicInt8(method="dynamic-int8", weight_bits=7)
STATIC = StaticInt8(method="static-int8", weight_bits=7)
SMOOTH = SmoothQuant(method="smooth", weight_bits=7)
FOUR_BIT = KBit(method="k-bit", bits=4)
ONE_BIT = KBit(method="k-bit", bits=1, per="tensor", table_bits=3)
BLOCKS = WeightOnly(method="weight-only", bits=4, block_size=16, activations="float32")
INT8_BLOCKS = WeightOnly(method="weight-only", bits=8, block_size=32, activations="int8")
QAT = Qat(method="qat", bits=3, epochs=1, batch_size=6)
MIXED = MixedPrecision(method="mixed", max_divergence=0.02)
BINARY = Binary(method="binary", activation_bits=1, epochs=1, batch_size=6)
METHODS = [
    None,
    DYNAMIC,
    STATIC,
    SMOOTH,
    FOUR_BIT,
    ONE_BIT,
    BLOCKS,
    INT8_BLOCKS,
    MIXED,
    QAT,
    BINARY,
]
QUERY = "bert.encoder.layer.0.attention.self.query"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("family", sorted(ARCHITECTURES))
def test_a_pruned_model_of_every_family_has_parity(
    family: str,
    method: Quantization | None,
    random_classifier: Make,
    cut: Cut,
    rows: EncodedSplit,
    store: Store,
    exported: Export,
) -> None:
    final = quantize(cut(random_classifier(family)), method, rows)
    checkpoint = store(final, "final")
    parity = check_parity(checkpoint, exported(checkpoint) / "model.onnx", rows)
    assert parity.rows == 12
    assert parity.max_logit_difference < 1e-5
    assert parity.label_agreement == 1.0
    assert parity.range > 0.5


def quantize(
    source: Classifier,
    method: Quantization | None,
    rows: EncodedSplit,
) -> Classifier:
    if method is None:
        return source
    return method.quantize(source, label_context(rows))


@pytest.mark.parametrize("method", METHODS)
def test_a_head_that_reads_every_token_has_parity(
    method: Quantization | None,
    random_classifier: Callable[..., Classifier],
    rows: EncodedSplit,
    store: Store,
    exported: Export,
) -> None:
    source = random_classifier("modernbert", classifier_pooling="mean")
    assert not source.reads_first_token
    checkpoint = store(quantize(source, method, rows), "final")
    parity = check_parity(checkpoint, exported(checkpoint) / "model.onnx", rows)
    assert parity.max_logit_difference < 1e-5
    assert parity.range > 0.5


@pytest.mark.parametrize("activation", ACTIVATION_FUNCTIONS)
def test_every_activation_function_has_parity(
    activation: str,
    random_classifier: Callable[..., Classifier],
    rows: EncodedSplit,
    store: Store,
    exported: Export,
) -> None:
    checkpoint = store(random_classifier("bert", hidden_act=activation), "final")
    parity = check_parity(checkpoint, exported(checkpoint) / "model.onnx", rows)
    # FastGelu is an approximation of its own.
    assert parity.max_logit_difference < 1e-3
    assert parity.range > 0.5


def test_one_row_without_padding_has_parity(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(DYNAMIC.quantize(tiny, label_context(rows)), "final")
    path = exported(checkpoint) / "model.onnx"
    for row in range(len(rows)):
        single = EncodedSplit(
            rows.input_ids[row : row + 1], rows.token_type_ids[row : row + 1], rows.targets, 0, 0
        )
        assert check_parity(checkpoint, path, single).max_logit_difference < 1e-5


def alter(path: Path, name: str, change: Callable[[Array], None]) -> None:
    """Change the one constant whose name begins so."""
    model = onnx.load(path)
    (constant,) = [c for c in model.graph.initializer if c.name.startswith(name)]
    value = numpy_helper.to_array(constant).copy()
    change(value)
    constant.CopyFrom(numpy_helper.from_array(value, constant.name))
    onnx.save(model, path)


def test_an_altered_integer_is_detected_by_name(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(DYNAMIC.quantize(tiny, label_context(rows)), "final")
    path = exported(checkpoint) / "model.onnx"
    # Queries, keys and values of 16 columns each are concatenated: column 20 is a key's.
    alter(path, f"{QUERY}.weight", lambda value: value.__setitem__((0, 20), value[0, 20] ^ 1))
    with pytest.raises(ParityError, match=r"self\.key\.weight in the ONNX file differs"):
        check_parity(checkpoint, path, rows)


def test_an_altered_bit_is_detected_by_name(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(FOUR_BIT.quantize(tiny, label_context(rows)), "final")
    path = exported(checkpoint) / "model.onnx"
    alter(path, f"{QUERY}.weight", lambda value: value.__setitem__((2, 5), value[2, 5] ^ 16))
    with pytest.raises(ParityError, match=r"self\.query\.weight in the ONNX file differs"):
        check_parity(checkpoint, path, rows)


@pytest.mark.parametrize("attribute", ["bits", "block_size", "accuracy_level"])
def test_an_altered_block_attribute_is_detected(
    attribute: str, tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(BLOCKS.quantize(tiny, label_context(rows)), "final")
    path = exported(checkpoint) / "model.onnx"
    model = onnx.load(path)
    node = next(node for node in model.graph.node if node.op_type == "MatMulNBits")
    next(a for a in node.attribute if a.name == attribute).i *= 2
    onnx.save(model, path)
    with pytest.raises(ParityError, match=rf"\.query\.{attribute} in the ONNX file differs"):
        check_parity(checkpoint, path, rows)


def test_an_altered_activation_range_is_detected(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(STATIC.quantize(tiny, label_context(rows)), "final")
    path = exported(checkpoint) / "model.onnx"
    alter(path, f"{QUERY}.activation_scale", lambda value: value.fill(0.5))
    with pytest.raises(ParityError, match=r"query\.activation_scale in the ONNX file differs"):
        check_parity(checkpoint, path, rows)


def test_modules_that_share_an_input_must_share_its_range(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    quantized = STATIC.quantize(tiny, label_context(rows))
    quantized.linear(quantized.layers[1], "value").get_buffer("activation_scale").mul_(2.0)
    checkpoint = store(quantized, "final")
    with pytest.raises(
        ParityError, match=r"layer\.1.*value\.activation_scale in the ONNX file differs"
    ):
        check_parity(checkpoint, exported(checkpoint) / "model.onnx", rows)


@pytest.mark.parametrize(
    ("method", "message"),
    [(None, "differ too much"), (DYNAMIC, r"layer\.0\.output\.dense: the input differs")],
)
def test_another_operator_is_detected_at_its_module(
    method: Quantization | None,
    message: str,
    tiny: Classifier,
    rows: EncodedSplit,
    store: Store,
    exported: Export,
) -> None:
    final = tiny if method is None else method.quantize(tiny, label_context(rows))
    checkpoint = store(final, "final")
    path = exported(checkpoint) / "model.onnx"
    model = onnx.load(path)
    (first, *_) = [node for node in model.graph.node if node.op_type == "Gelu"]
    first.op_type, first.domain = "Relu", ""
    onnx.save(model, path)
    with pytest.raises(ParityError, match=message):
        check_parity(checkpoint, path, rows)


def test_padding_stays_masked_with_extreme_scores(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    """As after diverged training: ONNX Runtime's own masked score is only -10000."""
    for role in ("query", "key"):
        tiny.linear(tiny.layers[0], role).weight.data *= 500
    checkpoint = store(tiny, "final")
    with does_not_raise():
        check_parity(checkpoint, exported(checkpoint) / "model.onnx", rows)


@pytest.mark.parametrize(
    ("rows", "other_labels", "allowed"), [(30, 5, True), (30, 6, False), (256, 23, False)]
)
def test_label_differences_fail_beyond_chance(rows: int, other_labels: int, allowed: bool) -> None:
    # A file that errs in 5 % of rows has 5 or more of 30 in 1.6 of 100 samples, 6 or more in 0.3.
    parity = Parity(rows, 2.0, 0.0, 1e-4, 0.001, 1 - other_labels / rows)
    if allowed:
        assert require_parity(parity) == parity
    else:
        with pytest.raises(ParityError, match="differ too much"):
            require_parity(parity)


def test_nan_logits_fail(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    # The weights are finite, as all stored ones; the sum of 16 products overflows float32.
    tiny.module.get_parameter("bert.pooler.dense.bias").data[:] = 100.0
    tiny.module.get_parameter("classifier.weight").data[0] = 3e38
    checkpoint = store(tiny, "final")
    with pytest.raises(ParityError):
        check_parity(checkpoint, exported(checkpoint) / "model.onnx", rows)
