"""Packed weights in the file, int8 weights in the session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto

from coldpress import cpu
from coldpress.data.encoding import EncodedSplit
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx import predictor
from coldpress.onnx.parity import check_parity
from coldpress.onnx.token_embeddings import read_token_embeddings
from coldpress.quantization import DynamicInt8, KBit
from coldpress.quantization.arithmetic.int8_embedding.module import QuantizedEmbedding
from coldpress.quantization.core.convert import quantize_kbit
from coldpress.quantization.method import Quantization
from tests.support.training_contexts import label_context

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]


def load_optimized(path: Path, monkeypatch: pytest.MonkeyPatch) -> onnx.ModelProto:
    """Return the graph that the predictor's session runs, after ONNX Runtime's optimizations."""
    options = onnxruntime.SessionOptions()
    target = path.with_suffix(".load_optimized")
    options.optimized_model_filepath = str(target)
    monkeypatch.setattr(onnxruntime, "SessionOptions", lambda: options)
    predictor.open_session(path, threads=1)
    monkeypatch.undo()
    return onnx.load(target)


@pytest.mark.parametrize("bits", range(1, 8))
def test_the_session_unpacks_once_and_then_runs_what_dynamic_int8_runs(
    bits: int,
    tiny: Classifier,
    rows: EncodedSplit,
    store: Store,
    exported: Export,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    methods: list[Quantization] = [
        KBit(method="k-bit", bits=bits),
        DynamicInt8(method="dynamic-int8"),
    ]
    operators = []
    for method in methods:
        path = (
            exported(store(method.quantize(tiny, label_context(rows)), method.method))
            / "model.onnx"
        )
        operators.append(Counter(n.op_type for n in load_optimized(path, monkeypatch).graph.node))
    assert operators[0] == operators[1]
    assert "BitShift" not in operators[0]


@pytest.mark.parametrize("bits", [1, 3, 4])
def test_the_file_holds_the_bytes_of_the_checkpoint(
    bits: int, tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoint = store(
        KBit(method="k-bit", bits=bits).quantize(tiny, label_context(rows)), "packed"
    )
    constants = onnx.load(exported(checkpoint) / "model.onnx").graph.initializer
    key = "bert.encoder.layer.0.attention.self.key.weight"
    (constant,) = [c for c in constants if c.name == key]
    assert (constant.data_type, list(constant.dims)) == (TensorProto.UINT8, [bits, 16 * 16 // 8])


def test_equal_checkpoints_give_equal_bytes(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    checkpoints = [
        store(KBit(method="k-bit", bits=3).quantize(tiny, label_context(rows)), name)
        for name in ("one", "two")
    ]
    assert checkpoints[0].digest == checkpoints[1].digest
    first, second = ((exported(item) / "model.onnx").read_bytes() for item in checkpoints)
    assert first == second


def test_the_table_is_read_back_from_a_packed_file(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    quantized = KBit(method="k-bit", bits=2, table_bits=3).quantize(tiny, label_context(rows))
    words = quantized.encoder.get_submodule("embeddings.word_embeddings")
    assert isinstance(words, QuantizedEmbedding)
    vectors = read_token_embeddings(exported(store(quantized, "packed")) / "model.onnx")
    np.testing.assert_array_equal(vectors, (words.weight.float() * words.scale).numpy())


def test_concatenated_weights_of_different_bits_are_unpacked_separately(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    bits = {"query": 3, "key": cpu.weight_bits(), "value": 1}
    mixed = quantize_kbit(tiny, lambda path: bits.get(path.rpartition(".")[2], 5), "channel", 8)
    checkpoint = store(mixed, "mixed")
    parity = check_parity(checkpoint, exported(checkpoint) / "model.onnx", rows)
    assert parity.max_logit_difference < 1e-4
