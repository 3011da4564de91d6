"""An encoder's graph, the same for every family of the architecture table.

The graph is built from the modules rather than traced: the integers arrive under the names that
the checkpoint gives them, and what no logit depends on is left out. After the last attention only
the first token is computed, unless the classification head reads the mean of all.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from coldpress.data.encoding import Batch
from coldpress.errors import InputError
from coldpress.model.architecture import Architecture
from coldpress.model.classifier import Classifier
from coldpress.onnx.graph.attention import AttentionLowering
from coldpress.onnx.graph.builder import MICROSOFT, Graph
from coldpress.onnx.graph.lowering import Lowering
from coldpress.onnx.graph.matmul import Activation

_ACTIVATIONS = {
    "gelu": f"{MICROSOFT}.Gelu",
    "gelu_new": f"{MICROSOFT}.FastGelu",
    "gelu_pytorch_tanh": f"{MICROSOFT}.FastGelu",
    "relu": "Relu",
    "tanh": "Tanh",
}


def build_encoder_graph(classifier: Classifier) -> Graph:
    """Build the graph from token ids to logits.

    Args:
        classifier: In float32 or quantized.

    Returns:
        The graph, with constants named after the classifier's tensors.

    Raises:
        InputError: Its activation has no ONNX operator.
    """
    one = np.zeros((1, 1), dtype=np.int64)
    graph = Graph(list(classifier.inputs(Batch(one, one, one, one[0]))))
    lowering = Lowering(graph, classifier.module)
    hidden = _add_embeddings(lowering, classifier)
    attention = AttentionLowering(lowering, classifier)
    for index in range(len(classifier.layers)):
        hidden = _add_layer(lowering, classifier, index, hidden, attention)
    _add_head(lowering, classifier, hidden)
    return graph


def _add_embeddings(lowering: Lowering, classifier: Classifier) -> str:
    """Sum, normalize and project the rows of the tables: (batch, tokens, hidden)."""
    table = classifier.architecture
    words = lowering.embedding("input_ids", f"{table.encoder}.{table.word_embeddings}")
    summands = [words, *_position_rows(lowering, classifier), *_segment_rows(lowering, classifier)]
    hidden = lowering.norm(summands, f"{table.encoder}.{table.embedding_norm}")
    projection = f"{table.encoder}.{table.embedding_projection}"
    return lowering.linear(hidden, projection) if lowering.has(projection) else hidden


def _position_rows(lowering: Lowering, classifier: Classifier) -> list[str]:
    graph, table = lowering.graph, classifier.architecture
    if table.position_embeddings is None:
        return []
    path = f"{table.encoder}.{table.position_embeddings}"
    if not table.positions_from_padding:
        count = graph.node("Shape", ["input_ids"], start=1, end=2)
        return [lowering.leading_rows(count, path)]
    # Tokens that are no padding are counted from the padding's id on; padding stays at its id.
    padding = lowering.padding(f"{table.encoder}.{table.embeddings}")
    is_padding = graph.node("Equal", ["input_ids", graph.integers(padding)])
    real = graph.node("Cast", [graph.node("Not", [is_padding])], to=TensorProto.INT64)
    axis = graph.constant("axis_1", np.asarray(1, dtype=np.int64))
    counted = graph.node("Mul", [graph.node("CumSum", [real, axis]), real])
    places = graph.node("Add", [counted, graph.integers(padding)])
    return [lowering.embedding(places, path)]


def _segment_rows(lowering: Lowering, classifier: Classifier) -> list[str]:
    graph, table = lowering.graph, classifier.architecture
    path = f"{table.encoder}.{table.segment_embeddings}"
    if not lowering.has(path):
        return []
    if "token_type_ids" in graph.inputs:
        return [lowering.embedding("token_type_ids", path)]
    return [lowering.leading_rows(graph.integers(1), path)]


def _add_layer(
    lowering: Lowering,
    classifier: Classifier,
    index: int,
    hidden: str,
    attention: AttentionLowering,
) -> str:
    """Add attention and feed-forward; the last layer goes on with what the head reads."""
    table, last = classifier.architecture, index == len(classifier.layers) - 1
    layer = f"{table.encoder}.{table.layers}.{index}"
    first_token = last and classifier.reads_first_token
    attention_norm, output_norm = (
        f"{layer}.{n}" for n in (table.attention_norm, table.output_norm)
    )
    arriving = lowering.norm([hidden], attention_norm) if table.pre_norm else hidden
    context = attention.context(index, arriving, first_token=first_token)
    if first_token:
        hidden = lowering.first_token(Activation(hidden)).values
    attended = lowering.linear(context, f"{layer}.{table.attention_output}")
    hidden = _add_residual(lowering, table, [attended, hidden], attention_norm)
    arriving = lowering.norm([hidden], output_norm) if table.pre_norm else hidden
    fed_forward = _add_feed_forward(lowering, classifier, layer, arriving)
    return _add_residual(lowering, table, [fed_forward, hidden], output_norm)


def _add_residual(lowering: Lowering, table: Architecture, summands: list[str], norm: str) -> str:
    """Add a residual sum, and the normalization if the family has it there."""
    return lowering.graph.total(summands) if table.pre_norm else lowering.norm(summands, norm)


def _add_feed_forward(lowering: Lowering, classifier: Classifier, layer: str, arriving: str) -> str:
    graph, table = lowering.graph, classifier.architecture
    paths = [f"{layer}.{getattr(table, role)}" for role in table.up_roles]
    up, *gate = lowering.linears(lowering.activation(arriving, paths), paths)
    neurons = graph.node(_operator(getattr(classifier.config, table.config_activation)), [up])
    if gate:
        neurons = graph.node("Mul", [neurons, *gate])
    return lowering.linear(neurons, f"{layer}.{table.down}")


def _add_head(lowering: Lowering, classifier: Classifier, hidden: str) -> None:
    """Add the classification head: (batch, tokens or 1, hidden) to (batch, labels)."""
    table, graph = classifier.architecture, lowering.graph
    if table.final_norm:
        hidden = lowering.norm([hidden], f"{table.encoder}.{table.final_norm}")
    if not classifier.reads_first_token:
        hidden = _add_mean(graph, hidden)
    read = graph.node("Squeeze", [hidden, graph.integers(1)])
    pooled = graph.node(_operator(table.pooler_activation), [lowering.linear(read, table.pooler)])
    if table.pooler_norm:
        pooled = lowering.norm([pooled], table.pooler_norm)
    lowering.linear(pooled, table.output)


def _add_mean(graph: Graph, hidden: str) -> str:
    """Add the mean of the tokens that are no padding: (batch, 1, hidden)."""
    real = graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    row = graph.node("Unsqueeze", [real, graph.integers(1)])
    count = graph.node("ReduceSum", [row, graph.integers(2)], keepdims=1)
    return graph.node("Div", [graph.node("MatMul", [row, hidden]), count])


def _operator(activation: str) -> str:
    if activation not in _ACTIVATIONS:
        known = ", ".join(_ACTIVATIONS)
        raise InputError(f"teacher.model: activation {activation!r} is not one of: {known}")
    return _ACTIVATIONS[activation]
