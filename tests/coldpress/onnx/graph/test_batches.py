"""Graphs whose logits are the same in a batch of texts of equal length."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.batches import equal_in_batches
from coldpress.onnx.graph.encoder import build_encoder_graph
from coldpress.quantization import DynamicInt8, StaticInt8
from coldpress.quantization.method import Quantization
from tests.support.training_contexts import label_context

DYNAMIC = DynamicInt8(method="dynamic-int8", weight_bits=7)
STATIC = StaticInt8(method="static-int8", weight_bits=7)


@pytest.mark.parametrize(
    ("method", "expected"),
    [(None, False), (DYNAMIC, False), (STATIC, True)],
    ids=["float32", "dynamic", "static"],
)
def test_only_static_ranges_make_texts_independent(
    method: Quantization | None, expected: bool, tiny: Classifier, rows: EncodedSplit
) -> None:
    final = tiny if method is None else method.quantize(tiny, label_context(rows))
    graph = build_encoder_graph(final).model(3, 17, {}).graph
    assert equal_in_batches(graph) is expected


def test_the_positions_of_deberta_are_no_weights(
    random_classifier: Callable[..., Classifier], rows: EncodedSplit
) -> None:
    """Its scores are products of float32, but of one text each."""
    final = STATIC.quantize(random_classifier("deberta-v2"), label_context(rows))
    assert equal_in_batches(build_encoder_graph(final).model(3, 17, {}).graph)
