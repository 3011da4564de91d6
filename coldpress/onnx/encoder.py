"""An encoder's graph, the same for every family of the architecture table.

The graph is built from the modules rather than traced: the integers arrive under the names that
the checkpoint gives them, and what no logit depends on is left out. After the last attention only
the first token is computed, as nothing else reaches the classification head.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from coldpress.architecture import Architecture
from coldpress.encoding import Batch
from coldpress.errors import InputError
from coldpress.model import Classifier
from coldpress.onnx.graph import MICROSOFT, Graph
from coldpress.onnx.lowering import Lowering
from coldpress.onnx.products import Activation

_ACTIVATIONS = {
    "gelu": f"{MICROSOFT}.Gelu",
    "gelu_new": f"{MICROSOFT}.FastGelu",
    "gelu_pytorch_tanh": f"{MICROSOFT}.FastGelu",
    "relu": "Relu",
    "tanh": "Tanh",
}


def encoder_graph(classifier: Classifier) -> Graph:
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
    hidden = _embeddings(lowering, classifier)
    mask = graph.node("Cast", ["attention_mask"], to=TensorProto.INT32)
    for index in range(len(classifier.layers)):
        hidden = _layer(lowering, classifier, index, hidden, mask)
    _head(lowering, classifier, hidden)
    return graph


def _embeddings(lowering: Lowering, classifier: Classifier) -> str:
    """Sum, normalize and project the rows of the tables: (batch, tokens, hidden)."""
    table = classifier.architecture
    words = lowering.embedding("input_ids", f"{table.encoder}.{table.word_embeddings}")
    summands = [words, _positions(lowering, classifier), *_segments(lowering, classifier)]
    hidden = lowering.norm(summands, f"{table.encoder}.{table.embedding_norm}")
    projection = f"{table.encoder}.{table.embedding_projection}"
    return lowering.linear(hidden, projection) if lowering.has(projection) else hidden


def _positions(lowering: Lowering, classifier: Classifier) -> str:
    graph, table = lowering.graph, classifier.architecture
    path = f"{table.encoder}.{table.position_embeddings}"
    if not table.reserved_positions:
        count = graph.node("Shape", ["input_ids"], start=1, end=2)
        return lowering.leading_rows(count, path)
    # Tokens that are no padding are counted from the padding's id on; padding stays at its id.
    padding = lowering.padding(f"{table.encoder}.{table.embeddings}")
    is_padding = graph.node("Equal", ["input_ids", graph.integers(padding)])
    real = graph.node("Cast", [graph.node("Not", [is_padding])], to=TensorProto.INT64)
    axis = graph.constant("axis_1", np.asarray(1, dtype=np.int64))
    counted = graph.node("Mul", [graph.node("CumSum", [real, axis]), real])
    return lowering.embedding(graph.node("Add", [counted, graph.integers(padding)]), path)


def _segments(lowering: Lowering, classifier: Classifier) -> list[str]:
    graph, table = lowering.graph, classifier.architecture
    path = f"{table.encoder}.{table.segment_embeddings}"
    if not lowering.has(path):
        return []
    if "token_type_ids" in graph.inputs:
        return [lowering.embedding("token_type_ids", path)]
    return [lowering.leading_rows(graph.integers(1), path)]


def _layer(lowering: Lowering, classifier: Classifier, index: int, hidden: str, mask: str) -> str:
    """Add attention and feed-forward; the last layer goes on with the first token alone."""
    table, last = classifier.architecture, index == len(classifier.layers) - 1
    layer = f"{table.encoder}.{table.layers}.{index}"
    attending = _attending(lowering, table, layer, hidden, first_token=last)
    context = lowering.graph.node(
        f"{MICROSOFT}.MultiHeadAttention",
        [*attending, "", mask],
        num_heads=classifier.shapes[index].heads,
    )
    if last:
        hidden = lowering.first_token(Activation(hidden)).values
    attended = lowering.linear(context, f"{layer}.{table.attention_output}")
    hidden = lowering.norm([attended, hidden], f"{layer}.{table.attention_norm}")
    activation = _operator(getattr(classifier.config, table.config_activation))
    neurons = lowering.graph.node(activation, [lowering.linear(hidden, f"{layer}.{table.up}")])
    fed_forward = lowering.linear(neurons, f"{layer}.{table.down}")
    return lowering.norm([fed_forward, hidden], f"{layer}.{table.output_norm}")


def _attending(
    lowering: Lowering, table: Architecture, layer: str, hidden: str, *, first_token: bool
) -> list[str]:
    """Add queries, keys and values, of one activation and so of one range."""
    paths = [f"{layer}.{role}" for role in (table.query, table.key, table.value)]
    arriving = lowering.activation(hidden, paths)
    if not first_token:
        return lowering.linears(arriving, paths)
    first = lowering.first_token(arriving)
    return [*lowering.linears(first, paths[:1]), *lowering.linears(arriving, paths[1:])]


def _head(lowering: Lowering, classifier: Classifier, hidden: str) -> None:
    """Add the classification head on the first token: (batch, 1, hidden) to (batch, labels)."""
    table, graph = classifier.architecture, lowering.graph
    first = graph.node("Squeeze", [hidden, graph.integers(1)])
    pooled = graph.node(_operator(table.pooler_activation), [lowering.linear(first, table.pooler)])
    lowering.linear(pooled, table.output)


def _operator(activation: str) -> str:
    if activation not in _ACTIVATIONS:
        known = ", ".join(_ACTIVATIONS)
        raise InputError(f"teacher.model: activation {activation!r} is not one of: {known}")
    return _ACTIVATIONS[activation]
