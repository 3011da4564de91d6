"""Tables of positions and segments that are converted to float32 at export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from coldpress.data.encoding import EncodedSplit
from coldpress.errors import ParityError
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.folded_tables import folded_tables
from coldpress.onnx.parity import check_parity
from coldpress.quantization import DynamicInt8, KBit, StaticInt8
from coldpress.quantization.method import Quantization
from tests.support.training_contexts import label_context

Make = Callable[..., Classifier]
Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]

DYNAMIC = DynamicInt8(method="dynamic-int8", weight_bits=7)
STATIC = StaticInt8(method="static-int8", weight_bits=7)
POSITIONS = "bert.embeddings.position_embeddings"
SEGMENTS = "bert.embeddings.token_type_embeddings"


@pytest.fixture
def quantized(random_classifier: Make, rows: EncodedSplit) -> Callable[..., Classifier]:
    """Quantize a model with 80 positions, of which texts have at most 16."""

    def quantized(family: str, method: Quantization = DYNAMIC) -> Classifier:
        source = random_classifier(family, max_position_embeddings=80)
        return method.quantize(source, label_context(rows))

    return quantized


def names(path: Path) -> set[str]:
    return {constant.name for constant in onnx.load(path).graph.initializer}


WITH_POSITIONS = sorted(n for n, table in ARCHITECTURES.items() if table.embeddings.positions)


@pytest.mark.parametrize("pairs", ["true", "false"])
@pytest.mark.parametrize("method", [DYNAMIC, STATIC])
@pytest.mark.parametrize("family", WITH_POSITIONS)
def test_every_family_with_positions_has_parity(
    family: str,
    method: Quantization,
    pairs: str,
    quantized: Callable[..., Classifier],
    rows: EncodedSplit,
    store: Store,
    exported: Export,
) -> None:
    classifier = quantized(family, method)
    checkpoint = store(classifier, "final")
    path = exported(checkpoint, pairs=pairs) / "model.onnx"
    table = classifier.architecture
    assert f"{table.encoder}.{table.embeddings.positions}.rows" in names(path)
    assert check_parity(checkpoint, path, rows).max_logit_difference < 1e-5


def test_rows_are_the_sums_of_both_tables_without_unreachable_positions(
    quantized: Callable[..., Classifier],
) -> None:
    classifier = quantized("bert")
    folded = folded_tables(classifier, ("input_ids", "attention_mask"))
    assert folded.keys() == {POSITIONS}
    positions: Any = classifier.module.get_submodule(POSITIONS)
    segments: Any = classifier.module.get_submodule(SEGMENTS)
    expected = positions.weight[:16] * positions.scale + segments.weight[0] * segments.scale
    np.testing.assert_array_equal(folded[POSITIONS].rows, expected.numpy())
    assert folded[POSITIONS].paths == (POSITIONS, SEGMENTS)


def test_a_file_of_single_texts_reads_no_segments(
    quantized: Callable[..., Classifier], store: Store, exported: Export
) -> None:
    checkpoint = store(quantized("bert"), "final")
    model = onnx.load(exported(checkpoint, pairs="false") / "model.onnx")
    assert [value.name for value in model.graph.input] == ["input_ids", "attention_mask"]
    assert not [c.name for c in model.graph.initializer if c.name.startswith(SEGMENTS)]


def test_second_texts_of_pairs_keep_their_segment(
    quantized: Callable[..., Classifier], rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(quantized("bert"), "final")
    path = exported(checkpoint, pairs="true") / "model.onnx"
    types = tuple(np.minimum(np.arange(len(row)) // 2, 1) for row in rows.input_ids)
    pairs = replace(rows, token_type_ids=types)
    assert check_parity(checkpoint, path, pairs).max_logit_difference < 1e-5


def test_an_altered_row_is_detected_by_name(
    quantized: Callable[..., Classifier], rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(quantized("bert"), "final")
    path = exported(checkpoint, pairs="false") / "model.onnx"
    model = onnx.load(path)
    (constant,) = [c for c in model.graph.initializer if c.name == f"{POSITIONS}.rows"]
    table = numpy_helper.to_array(constant).copy()
    table[3, 5] = np.nextafter(table[3, 5], 1.0)
    constant.CopyFrom(numpy_helper.from_array(table, constant.name))
    onnx.save(model, path)
    with pytest.raises(ParityError, match=r"position_embeddings\.rows in the ONNX file differs"):
        check_parity(checkpoint, path, rows)


@pytest.mark.parametrize(("positions", "bits", "folded"), [(64, 8, 1), (63, 8, 0), (80, 3, 0)])
def test_float32_takes_no_more_bytes_than_the_table(
    positions: int, bits: int, folded: int, random_classifier: Make, rows: EncodedSplit
) -> None:
    """16 positions of 4 bytes are as many bytes as 64 of one."""
    source = random_classifier("bert", max_position_embeddings=positions)
    method = KBit(method="k-bit", bits=8, table_bits=bits) if bits < 8 else DYNAMIC
    classifier = method.quantize(source, label_context(rows))
    assert len(folded_tables(classifier, ("input_ids", "attention_mask"))) == folded


def test_a_file_of_single_texts_whose_tables_are_not_folded_has_parity(
    random_classifier: Make, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    classifier = DYNAMIC.quantize(random_classifier("bert"), label_context(rows))
    checkpoint = store(classifier, "final")
    path = exported(checkpoint, pairs="false") / "model.onnx"
    assert {f"{POSITIONS}.weight", f"{SEGMENTS}.weight"} <= names(path)
    assert check_parity(checkpoint, path, rows).max_logit_difference < 1e-5
