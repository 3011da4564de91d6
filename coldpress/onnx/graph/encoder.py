"""The ONNX graph of an encoder of any family of the architecture table.

The graph is built from the modules rather than traced: constants have the names of the checkpoint's
tensors, and nothing is computed that the logits do not depend on. After the last attention only the
first token is computed, unless the output head reads others.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from coldpress.data.encoding import Batch
from coldpress.errors import InputError
from coldpress.model.architecture import CONVOLUTION, STATIC
from coldpress.model.classifier import Classifier
from coldpress.model.components import Architecture
from coldpress.onnx.graph import disentangled  # noqa: F401 - registers its kind of attention
from coldpress.onnx.graph.attention import AttentionLowering, LayerInput, add_attention
from coldpress.onnx.graph.builder import MICROSOFT, Graph
from coldpress.onnx.graph.convolution import add_convolution
from coldpress.onnx.graph.embeddings import add_embeddings
from coldpress.onnx.graph.lowering import Lowering
from coldpress.onnx.graph.sentence_head import add_sentence_head
from coldpress.onnx.graph.static_features import add_feature_sum
from coldpress.quantization.arithmetic.graph import Activation

_ACTIVATIONS = {
    "gelu": f"{MICROSOFT}.Gelu",
    "gelu_new": f"{MICROSOFT}.FastGelu",
    "gelu_pytorch_tanh": f"{MICROSOFT}.FastGelu",
    "relu": "Relu",
    "silu": f"{MICROSOFT}.QuickGelu",
    "tanh": "Tanh",
}
_ACTIVATION_SETTINGS = {"silu": {"alpha": 1.0}}
"""QuickGelu is x * sigmoid(alpha * x)."""


def build_encoder_graph(classifier: Classifier, *, segments: bool = True) -> Graph:
    """Build the graph from token ids to logits.

    Args:
        classifier: In float32 or quantized.
        segments: Whether the graph reads segment ids, if the classifier does. Otherwise all tokens
            have segment 0.

    Returns:
        The graph, with constants named after the classifier's tensors.

    Raises:
        InputError: The activation function has no ONNX operator.
    """
    token = np.zeros((1, 1), dtype=np.int64)
    names = list(classifier.inputs(Batch(token, token, token, token[0])))
    if not segments and "token_type_ids" in names:
        names.remove("token_type_ids")
    graph = Graph(names, logits_of="tokens" if classifier.tokens_read == "all" else "rows")
    lowering = Lowering(graph, classifier.module)
    _add_head(lowering, classifier, _add_hidden(lowering, classifier))
    return graph


def _add_hidden(lowering: Lowering, classifier: Classifier) -> str:
    """Add what precedes the output head: (batch, tokens or 1, hidden)."""
    if classifier.config.model_type == STATIC:
        return add_feature_sum(lowering, classifier)
    if classifier.config.model_type == CONVOLUTION:
        return add_convolution(lowering, classifier)
    return _add_layers(lowering, classifier, add_embeddings(lowering, classifier))


def _add_layers(lowering: Lowering, classifier: Classifier, hidden: str) -> str:
    attention = AttentionLowering(lowering, classifier)
    for index in range(len(classifier.layers)):
        hidden = _add_layer(lowering, classifier, index, hidden, attention)
    return hidden


def _add_layer(
    lowering: Lowering,
    classifier: Classifier,
    index: int,
    hidden: str,
    attention: AttentionLowering,
) -> str:
    """Add attention and feed-forward; the last layer continues only with what the head reads."""
    table = classifier.architecture
    last = index == len(classifier.layers) - 1
    layer = table.layer_path(index)
    before_sublayers = table.norms.before_sublayers
    first_token = last and classifier.reads_first_token
    attention_norm, output_norm = (f"{layer}.{norm}" for norm in table.norms.in_layer)
    states = lowering.norm([hidden], attention_norm) if before_sublayers else hidden
    context = add_attention(table.attention, attention, LayerInput(index, states, first_token))
    if first_token:
        hidden = lowering.first_token(Activation(hidden)).values
    attention_output = lowering.linear(context, f"{layer}.{table.linears['attention_output']}")
    hidden = _add_residual(lowering, table, [attention_output, hidden], attention_norm)
    states = lowering.norm([hidden], output_norm) if before_sublayers else hidden
    feed_forward = _add_feed_forward(lowering, classifier, layer, states)
    return _add_residual(lowering, table, [feed_forward, hidden], output_norm)


def _add_residual(lowering: Lowering, table: Architecture, summands: list[str], norm: str) -> str:
    """Add a residual sum, followed by normalization unless the family normalizes before it."""
    if table.norms.before_sublayers:
        return lowering.graph.total(summands)
    return lowering.norm(summands, norm)


def _add_feed_forward(lowering: Lowering, classifier: Classifier, layer: str, states: str) -> str:
    graph = lowering.graph
    table = classifier.architecture
    paths = [f"{layer}.{table.linears[role]}" for role in table.up_roles]
    up, *gate = lowering.linears(states, paths)
    neurons = _add_activation(graph, getattr(classifier.config, table.config_keys.activation), up)
    if gate:
        neurons = graph.node("Mul", [neurons, *gate])
    return lowering.linear(neurons, f"{layer}.{table.feed_forward.down}")


def _add_head(lowering: Lowering, classifier: Classifier, hidden: str) -> None:
    """Add the output head: (batch, tokens or 1, hidden) to (batch, labels).

    A head that reads every token has logits of shape (batch, tokens, labels).
    """
    graph = lowering.graph
    table = classifier.architecture
    if table.norms.final:
        hidden = lowering.norm([hidden], f"{table.encoder}.{table.norms.final}")
    if classifier.has_sentence_head:
        add_sentence_head(lowering, classifier, hidden)
        return
    if classifier.tokens_read == "mean":
        hidden = _add_mean(graph, hidden)
    if classifier.tokens_read not in ("all", "mean_logits"):
        hidden = graph.node("Squeeze", [hidden, graph.integers(1)])
    head = classifier.output_head
    if head.pooler:
        hidden = _add_activation(graph, head.activation, lowering.linear(hidden, head.pooler))
    if head.norm:
        hidden = lowering.norm([hidden], head.norm)
    logits = lowering.linear(hidden, head.output)
    if classifier.tokens_read == "mean_logits":
        graph.node("Squeeze", [_add_mean(graph, logits), graph.integers(1)])


def _add_mean(graph: Graph, hidden: str) -> str:
    """Add the mean of all tokens but padding: (batch, 1, hidden)."""
    real = graph.node("Cast", ["attention_mask"], to=TensorProto.FLOAT)
    row = graph.node("Unsqueeze", [real, graph.integers(1)])
    count = graph.node("ReduceSum", [row, graph.integers(2)], keepdims=1)
    return graph.node("Div", [graph.node("MatMul", [row, hidden]), count])


def _add_activation(graph: Graph, activation: str, values: str) -> str:
    if activation not in _ACTIVATIONS:
        supported = ", ".join(_ACTIVATIONS)
        raise InputError(f"teacher.model: activation {activation!r} is not one of: {supported}")
    settings = _ACTIVATION_SETTINGS.get(activation, {})
    return graph.node(_ACTIVATIONS[activation], [values], **settings)
