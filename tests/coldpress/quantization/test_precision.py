"""Description of the precision of a model's layers."""

from __future__ import annotations

from typing import Any

import pytest

from coldpress import cpu
from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.classifier import Classifier
from coldpress.quantization import DynamicInt8, KBit, StaticInt8, WeightOnly
from coldpress.quantization.bit.convert import binarize
from coldpress.quantization.core.convert import quantize_kbit
from coldpress.quantization.core.fake_quant import to_integers
from coldpress.quantization.method import Quantization
from coldpress.quantization.precision import describe_arithmetic
from tests.support.training_contexts import label_context

TABLES = ("embeddings",)
ALL_LAYERS = ("attention of layers 1 to 2", "feed-forward of layers 1 to 2", "pooler", "logits")
INT8_ROWS = "int8 rows, scaled to float32"


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def description(classifier: Classifier) -> list[tuple[Any, ...]]:
    return [
        (entry.parts, entry.weight_bits, entry.activation_bits, entry.computes_in)
        for entry in describe_arithmetic(classifier)
    ]


def test_a_float32_model(tiny: Classifier) -> None:
    assert description(tiny) == [
        (TABLES, 32, None, "float32 rows"),
        (ALL_LAYERS, 32, 32, "float32"),
    ]


@pytest.mark.parametrize(
    ("method", "arithmetic"),
    [
        (DynamicInt8(method="dynamic-int8"), "int8, ranges of the batch"),
        (StaticInt8(method="static-int8"), "int8, ranges calibrated"),
    ],
)
def test_int8_names_the_source_of_its_ranges(
    method: Quantization, arithmetic: str, tiny: Classifier, rows: EncodedSplit
) -> None:
    quantized = method.quantize(tiny, label_context(rows))
    assert description(quantized) == [(TABLES, 8, None, INT8_ROWS), (ALL_LAYERS, 8, 8, arithmetic)]


@pytest.mark.parametrize(("vnni", "output_bits"), [(True, 8), (False, 7)])
def test_kbit_reports_weight_bits_and_the_int8_arithmetic(
    vnni: bool,
    output_bits: int,
    tiny: Classifier,
    rows: EncodedSplit,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cpu, "has_vnni", lambda: vnni)
    bits = KBit(method="k-bit", bits=3, table_bits=5).quantize(tiny, label_context(rows))
    assert description(bits) == [
        (TABLES, 5, None, INT8_ROWS),
        (ALL_LAYERS[:-1], 3, 8, "int8, ranges of the batch"),
        (("logits",), output_bits, 8, "int8, ranges of the batch"),
    ]


@pytest.mark.parametrize(
    ("activations", "bits", "arithmetic"),
    [
        ("int8", 8, "int8, ranges of 16 values of a token"),
        ("float32", 32, "float32, weights scaled back in blocks of 16"),
    ],
)
def test_blockwise_reports_the_type_of_activations(
    activations: Any,  # noqa: ANN401
    bits: int,
    arithmetic: str,
    tiny: Classifier,
    rows: EncodedSplit,
) -> None:
    method = WeightOnly(method="weight-only", bits=4, block_size=16, activations=activations)
    assert description(method.quantize(tiny, label_context(rows)))[1] == (
        ALL_LAYERS,
        4,
        bits,
        arithmetic,
    )


def test_layers_with_different_bits_are_listed_separately(tiny: Classifier) -> None:
    mixed = quantize_kbit(tiny, lambda path: 2 if ".layer.1.output." in path else 6, "channel", 4)
    parts = {entry.weight_bits: entry.parts for entry in describe_arithmetic(mixed)}
    assert parts[2] == ("feed-forward of layer 2",)
    assert parts[6] == ALL_LAYERS


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_low_bit_activations_report_their_bits(
    bits: int, tiny: Classifier, rows: EncodedSplit
) -> None:
    entries = describe_arithmetic(to_integers(binarize(tiny, bits, 4, rows)))
    inner = next(entry for entry in entries if "feed-forward of layers 1 to 2" in entry.parts)
    assert (inner.weight_bits, inner.activation_bits) == (1, bits)
