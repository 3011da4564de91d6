"""A model says what its parts compute in."""

from __future__ import annotations

from typing import Any

import pytest

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.classifier import Classifier
from coldpress.quantization import DynamicInt8, KBit, StaticInt8, WeightOnly
from coldpress.quantization.bit.convert import binarize
from coldpress.quantization.core.convert import quantize_kbit
from coldpress.quantization.core.fake_quant import to_integers
from coldpress.quantization.method import PostTrainingQuantization
from coldpress.quantization.precision import describe_arithmetic

TABLES = ("embeddings",)
ALL_LAYERS = ("attention of layers 1 to 2", "feed-forward of layers 1 to 2", "pooler", "logits")
LOOKED_UP = "int8 rows, scaled to float32"


@pytest.fixture
def rows(tiny: Classifier, split: Split) -> EncodedSplit:
    return encode(tiny.tokenizer, split)


def said(classifier: Classifier) -> list[tuple[Any, ...]]:
    return [
        (one.parts, one.weight_bits, one.activation_bits, one.computes_in)
        for one in describe_arithmetic(classifier)
    ]


def test_a_model_in_float32_says_so(tiny: Classifier) -> None:
    assert said(tiny) == [
        (TABLES, 32, None, "float32 rows"),
        (ALL_LAYERS, 32, 32, "float32"),
    ]


@pytest.mark.parametrize(
    ("method", "how"),
    [
        (DynamicInt8(method="dynamic-int8"), "int8, ranges of the batch"),
        (StaticInt8(method="static-int8"), "int8, ranges calibrated"),
    ],
)
def test_bytes_say_where_ranges_come_from(
    method: PostTrainingQuantization, how: str, tiny: Classifier, rows: EncodedSplit
) -> None:
    quantized = method.quantize(tiny, rows)
    assert said(quantized) == [(TABLES, 8, None, LOOKED_UP), (ALL_LAYERS, 8, 8, how)]


def test_few_bits_are_told_beside_the_bytes_that_they_are_multiplied_as(
    tiny: Classifier, rows: EncodedSplit
) -> None:
    bits = KBit(method="k-bit", bits=3, table_bits=5).quantize(tiny, rows)
    assert said(bits) == [
        (TABLES, 5, None, LOOKED_UP),
        (ALL_LAYERS[:-1], 3, 8, "int8, ranges of the batch"),
        (("logits",), 8, 8, "int8, ranges of the batch"),
    ]


@pytest.mark.parametrize(
    ("activations", "bits", "how"),
    [
        ("int8", 8, "int8, ranges of 16 values of a token"),
        ("float32", 32, "float32, weights scaled back in blocks of 16"),
    ],
)
def test_blocks_say_what_they_meet(
    activations: Any,  # noqa: ANN401
    bits: int,
    how: str,
    tiny: Classifier,
    rows: EncodedSplit,
) -> None:
    method = WeightOnly(method="weight-only", bits=4, block_size=16, activations=activations)
    assert said(method.quantize(tiny, rows))[1] == (ALL_LAYERS, 4, bits, how)


def test_layers_that_differ_are_told_apart(tiny: Classifier) -> None:
    mixed = quantize_kbit(tiny, lambda path: 2 if ".layer.1.output." in path else 6, "channel", 4)
    parts = {one.weight_bits: one.parts for one in describe_arithmetic(mixed)}
    assert parts[2] == ("feed-forward of layer 2",)
    assert parts[6] == ALL_LAYERS


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_activations_of_few_bits_are_told_as_what_they_are(
    bits: int, tiny: Classifier, rows: EncodedSplit
) -> None:
    told = describe_arithmetic(to_integers(binarize(tiny, bits, 4, rows)))
    inner = next(one for one in told if "feed-forward of layers 1 to 2" in one.parts)
    assert (inner.weight_bits, inner.activation_bits) == (1, bits)
