"""Number of nodes of the student of the demo: BERT with two layers, for single texts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from coldpress.data.encoding import EncodedSplit
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.encoder import build_encoder_graph
from coldpress.quantization import DynamicInt8, StaticInt8
from coldpress.quantization.method import Quantization
from tests.support.training_contexts import label_context

DYNAMIC = DynamicInt8(method="dynamic-int8", weight_bits=7)
STATIC = StaticInt8(method="static-int8", weight_bits=7)


# Embeddings: Gather, Cast and Mul of tokens; Shape and Slice of positions; Sum, norm          7
# Attention mask: Cast                                                                         1
# A layer: rounding, QAttention; output; Sum, norm; up, Gelu, down; Sum, norm                  10
# The last layer: rounding, Slice, query, key and value, Split, attention, Slice; then as above 15
# Head: Squeeze, pooler, Tanh, output                                                          4
# Dynamic ranges: each product rounds its own input. Static ones: QuantizeLinear before attention
# output, up and down of both layers, pooler and output                                       + 8
@pytest.mark.parametrize(("method", "most"), [(DYNAMIC, 37), (STATIC, 45)])
def test_a_student_has_no_more_nodes(
    method: Quantization,
    most: int,
    random_classifier: Callable[..., Classifier],
    rows: EncodedSplit,
) -> None:
    source = random_classifier("bert", num_hidden_layers=2, max_position_embeddings=64)
    student = method.quantize(source, label_context(rows))
    graph = build_encoder_graph(student, segments=False).model(3, 17, {}).graph
    assert len(graph.node) <= most, [node.op_type for node in graph.node]
