"""Invariance of logits to batch, padding and threads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import helper

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


@pytest.mark.parametrize("method", [None, STATIC, DYNAMIC], ids=["float32", "static", "dynamic"])
def test_predictions_do_not_depend_on_batch_padding_or_threads(
    method: Quantization | None,
    tiny: Classifier,
    rows: EncodedSplit,
    store: Store,
    exported: Export,
) -> None:
    """Even of a graph whose ranges are those of a whole batch, since each text is read alone."""
    final = tiny if method is None else method.quantize(tiny, label_context(rows))
    result = measure_invariance(exported(store(final, "final")), rows)
    assert result.rows == 12
    for change in (result.batch, result.padding, result.threads):
        assert (change.largest_logit, change.labels) == (0.0, 0.0)


def add_noise(path: Path) -> None:
    """Add random numbers from 0 to 1000 to the logits."""
    model = onnx.load(path)
    (last,) = [node for node in model.graph.node if "logits" in node.output]
    last.output[:] = ["plain"]
    noise = helper.make_node("RandomUniformLike", ["plain"], ["noise"], high=1000.0)
    model.graph.node.extend([noise, helper.make_node("Add", ["plain", "noise"], ["logits"])])
    onnx.save(model, path)


def test_predictions_that_change_from_call_to_call_are_reported(
    tiny: Classifier, rows: EncodedSplit, store: Store, exported: Export
) -> None:
    directory = exported(store(tiny, "final"))
    add_noise(directory / "model.onnx")
    result = measure_invariance(directory, rows)
    for change in (result.batch, result.padding, result.threads):
        assert change.largest_logit > 100
        assert change.labels is not None
        assert change.labels > 0


def test_at_most_256_rows_are_used(tiny: Classifier, store: Store, exported: Export) -> None:
    texts = tuple(f"cold {'press ' * (n % 9)}" for n in range(300))
    many = encode(tiny.tokenizer, Split(texts, texts, None, ()))
    assert measure_invariance(exported(store(tiny, "final")), many).rows == 256
