"""Attention as nodes of a graph: who sees whom, and what places do to it."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from coldpress.model.classifier import Classifier
from coldpress.model.positions import attention_type, attention_window, rotary_cos_sin
from coldpress.onnx.graph.builder import MICROSOFT
from coldpress.onnx.graph.lowering import Lowering

_MASKED_SCORE = float(np.finfo(np.float32).min)
"""Added to the score of what is not seen, as torch does. ONNX Runtime would add -10000 by itself:
the scores of a training that went astray are below that, and padding would be seen."""


class AttentionLowering:
    """Adds the attention of every layer to one graph.

    Places have constants, as many as a text may have tokens: what is longer does not run, as it
    would not fit into a table of positions.
    """

    def __init__(self, lowering: Lowering, classifier: Classifier) -> None:
        self._lowering, self._graph, self._classifier = lowering, lowering.graph, classifier
        self._padding = self._graph.node("Cast", ["attention_mask"], to=TensorProto.INT32)
        self._biases: dict[int, str] = {}

    def context(self, index: int, arriving: str, *, first_token: bool) -> str:
        """Add a layer's attention, up to what its heads give.

        Args:
            index: Of the layer.
            arriving: Name of a tensor of shape (batch, tokens, width).
            first_token: Whether it goes on with the first token alone.

        Returns:
            Name of a tensor of shape (batch, tokens or 1, heads * head size).
        """
        query, key, value = self._projected(index, arriving, first_token=first_token)
        # The first token, at place 0, is turned by nothing.
        query = query if first_token else self._turned(index, query)
        seen = ["", self._padding]
        width = attention_window(self._classifier, index)
        if width is not None and width < _max_tokens(self._classifier) - 1:
            seen = ["", "", self._bias(width, first_token=first_token)]
        return self._graph.node(
            f"{MICROSOFT}.MultiHeadAttention",
            [query, self._turned(index, key), value, *seen],
            num_heads=self._classifier.shapes[index].heads,
            mask_filter_value=_MASKED_SCORE,
        )

    def _projected(self, index: int, arriving: str, *, first_token: bool) -> list[str]:
        """Add queries, keys and values, of one activation and so of one range."""
        table, lowering = self._classifier.architecture, self._lowering
        layer = f"{table.encoder}.{table.layers}.{index}"
        paths = [f"{layer}.{role}" for role in (table.query, table.key, table.value)]
        activation = lowering.activation(arriving, paths)
        if not first_token:
            return lowering.linears(activation, paths)
        first = lowering.first_token(activation)
        return [*lowering.linears(first, paths[:1]), *lowering.linears(activation, paths[1:])]

    def _turned(self, index: int, states: str) -> str:
        by = rotary_cos_sin(self._classifier, index, _max_tokens(self._classifier))
        if by is None:
            return states
        graph, of = self._graph, attention_type(self._classifier, index)
        cos, sin = (
            graph.constant(f"{name}_{of}", each.detach().cpu().numpy())
            for name, each in zip(("cos", "sin"), by, strict=True)
        )
        first_place = graph.integers(0)
        return graph.node(f"{MICROSOFT}.RotaryEmbedding", [states, first_place, cos, sin])

    def _bias(self, width: int, *, first_token: bool) -> str:
        """Add what hides padding and tokens beyond a reach: (batch, 1, tokens or 1, tokens).

        One number that is far below all scores, as torch has it, and not one a reason: a padded
        token that sees no token at all weighs every one of them alike, in both.
        """
        if width not in self._biases:
            self._biases[width] = self._hiding(width)
        if not first_token:
            return self._biases[width]
        ends = [self._graph.integers(0), self._graph.integers(1), self._graph.integers(2)]
        return self._graph.node("Slice", [self._biases[width], *ends])

    def _hiding(self, width: int) -> str:
        graph = self._graph
        zero, one = (graph.constant(f"place_{at}", np.asarray(at)) for at in (0, 1))
        count = graph.node("Squeeze", [graph.node("Shape", ["input_ids"], start=1, end=2)])
        places = graph.node("Range", [zero, count, one])
        columns = graph.node("Unsqueeze", [places, graph.integers(1)])
        apart = graph.node("Abs", [graph.node("Sub", [columns, places])])
        near = graph.node("LessOrEqual", [apart, graph.integers(width)])
        real = graph.node("Cast", ["attention_mask"], to=TensorProto.BOOL)
        keys = graph.node("Unsqueeze", [real, graph.integers(1, 2)])
        seen = graph.node("And", [keys, near])
        hidden = graph.constant("unseen", np.asarray(_MASKED_SCORE, dtype=np.float32))
        nothing = graph.constant("seen", np.asarray(0.0, dtype=np.float32))
        return graph.node("Where", [seen, nothing, hidden])


def _max_tokens(classifier: Classifier) -> int:
    """Most tokens of a text: what the tokenizer cuts at, within what the model was made for."""
    limit = int(classifier.config.max_position_embeddings)
    truncation = classifier.tokenizer.truncation
    return min(limit, truncation["max_length"]) if truncation else limit
