"""Invariance of logits to batch, padding and threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from coldpress.data.encoding import EncodedSplit, encode
from coldpress.data.splits import Split
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import Classifier
from coldpress.onnx.invariance import measure_invariance
from coldpress.quantization import DynamicInt8, StaticInt8
from coldpress.quantization.method import Quantization
from tests.support.training_contexts import label_context

Store = Callable[[Classifier, str], Checkpoint]
Export = Callable[..., Path]

DYNAMIC = DynamicInt8(method="dynamic-int8", weight_bits=7)
STATIC = StaticInt8(method="static-int8", weight_bits=7)


@pytest.mark.parametrize("method", [None, STATIC], ids=["float32", "static"])
def test_fixed_ranges_are_invariant(
    method: Quantization | None,
    tiny: Classifier,
    rows: EncodedSplit,
    store: Store,
    exported: Export,
) -> None:
    final = tiny if method is None else method.quantize(tiny, label_context(rows))
    result = measure_invariance(exported(store(final, "final")), rows)
    assert result.rows == 12
    for change in (result.batch, result.padding, result.threads):
        assert change.largest_logit < 1e-5
        assert change.labels == 0.0


def test_dynamic_ranges_depend_on_the_batch_and_its_padding(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    result = measure_invariance(
        exported(store(DYNAMIC.quantize(tiny, label_context(rows)), "final")), rows
    )
    assert 1e-3 < result.batch.largest_logit < 1.0
    assert 1e-3 < result.padding.largest_logit < 1.0
    assert result.threads.largest_logit < 1e-5


def add_width(path: Path) -> None:
    """Add 1000 (width - 5.5) to the first logit, and subtract it from the last."""
    model = onnx.load(path)
    (first,) = [node for node in model.graph.node if "logits" in node.output]
    first.output[:] = ["plain"]
    limit, step = np.array([5.5], np.float32), np.array([[1e3, 0.0, -1e3]], np.float32)
    for name, value in (("limit", limit), ("step", step)):
        model.graph.initializer.append(numpy_helper.from_array(value, name))
    model.graph.node.extend(
        [
            helper.make_node("Shape", ["input_ids"], ["shape"], start=1),
            helper.make_node("Cast", ["shape"], ["width"], to=TensorProto.FLOAT),
            helper.make_node("Sub", ["width", "limit"], ["beyond"]),
            helper.make_node("Mul", ["beyond", "step"], ["moved"]),
            helper.make_node("Add", ["plain", "moved"], ["logits"]),
        ]
    )
    onnx.save(model, path)


def test_a_graph_that_counts_padding_changes_labels(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    directory = exported(store(tiny, "final"))
    add_width(directory / "model.onnx")
    result = measure_invariance(directory, rows)
    # Of 1 to 5 words with [CLS] and [SEP], 8 of 12 rows are narrower than 5.5; padded to 7, none.
    for change in (result.padding, result.batch):
        assert change.largest_logit == pytest.approx(4000, abs=0.1)
        assert change.labels == 8 / 12
    assert result.threads.labels == 0.0


def test_at_most_256_rows_are_used(tiny: Classifier, store: Store, exported: Export) -> None:
    texts = tuple(f"cold {'press ' * (n % 9)}" for n in range(300))
    many = encode(tiny.tokenizer, Split(texts, texts, None, ()))
    assert measure_invariance(exported(store(tiny, "final")), many).rows == 256
