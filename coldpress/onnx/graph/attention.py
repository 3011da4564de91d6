"""Attention layers as graph nodes, with masking and rotary positions."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from coldpress.model.classifier import Classifier
from coldpress.model.positions import attention_type, attention_window, rotary_cos_sin
from coldpress.onnx.graph.builder import MICROSOFT
from coldpress.onnx.graph.lowering import Lowering

_MASKED_SCORE = float(np.finfo(np.float32).min)
"""Added to the scores of masked tokens, as in torch. ONNX Runtime's default is -10000: if training
diverged, scores can be below that, and padding would be attended to."""


class AttentionLowering:
    """Adds the attention of every layer to one graph.

    The constants of positions cover the largest number of tokens in a text. The graph fails on
    longer texts, as a model with position embeddings does.
    """

    def __init__(self, lowering: Lowering, classifier: Classifier) -> None:
        self._lowering = lowering
        self._graph = lowering.graph
        self._classifier = classifier
        self._padding = self._graph.node("Cast", ["attention_mask"], to=TensorProto.INT32)
        self._biases: dict[int, str] = {}

    def context(self, index: int, states: str, *, first_token: bool) -> str:
        """Add a layer's attention, up to the output of its heads.

        Args:
            index: Number of the layer.
            states: Name of a tensor of shape (batch, tokens, width).
            first_token: Whether to compute only the first token.

        Returns:
            Name of a tensor of shape (batch, tokens or 1, heads * head size).
        """
        query, key, value = self._project(index, states, first_token=first_token)
        # At position 0 the rotation is the identity.
        query = query if first_token else self._rotate(index, query)
        mask = ["", self._padding]
        width = attention_window(self._classifier, index)
        if width is not None and width < _max_tokens(self._classifier) - 1:
            mask = ["", "", self._bias(width, first_token=first_token)]
        return self._graph.node(
            f"{MICROSOFT}.MultiHeadAttention",
            [query, self._rotate(index, key), value, *mask],
            num_heads=self._classifier.shapes[index].heads,
            mask_filter_value=_MASKED_SCORE,
        )

    def _project(self, index: int, states: str, *, first_token: bool) -> list[str]:
        """Add queries, keys and values of one input, which share its activation range."""
        table = self._classifier.architecture
        lowering = self._lowering
        layer = f"{table.encoder}.{table.layers}.{index}"
        paths = [f"{layer}.{role}" for role in (table.query, table.key, table.value)]
        activation = lowering.activation(states, paths)
        if not first_token:
            return lowering.linears(activation, paths)
        first = lowering.first_token(activation)
        return [*lowering.linears(first, paths[:1]), *lowering.linears(activation, paths[1:])]

    def _rotate(self, index: int, states: str) -> str:
        rotation = rotary_cos_sin(self._classifier, index, _max_tokens(self._classifier))
        if rotation is None:
            return states
        graph = self._graph
        suffix = attention_type(self._classifier, index)
        cos, sin = (
            graph.constant(f"{name}_{suffix}", tensor.detach().cpu().numpy())
            for name, tensor in zip(("cos", "sin"), rotation, strict=True)
        )
        first_position = graph.integers(0)
        return graph.node(f"{MICROSOFT}.RotaryEmbedding", [states, first_position, cos, sin])

    def _bias(self, width: int, *, first_token: bool) -> str:
        """Add the mask of padding and of tokens outside a window: (batch, 1, tokens or 1, tokens).

        As in torch the masked score is added once, even where both apply: a padding token with all
        tokens masked then gives each of them the same weight in both.
        """
        if width not in self._biases:
            self._biases[width] = self._window_bias(width)
        if not first_token:
            return self._biases[width]
        ends = [self._graph.integers(0), self._graph.integers(1), self._graph.integers(2)]
        return self._graph.node("Slice", [self._biases[width], *ends])

    def _window_bias(self, width: int) -> str:
        graph = self._graph
        # The constants' names are part of exported files.
        start, step = (graph.constant(f"place_{value}", np.asarray(value)) for value in (0, 1))
        count = graph.node("Squeeze", [graph.node("Shape", ["input_ids"], start=1, end=2)])
        positions = graph.node("Range", [start, count, step])
        columns = graph.node("Unsqueeze", [positions, graph.integers(1)])
        distances = graph.node("Abs", [graph.node("Sub", [columns, positions])])
        in_window = graph.node("LessOrEqual", [distances, graph.integers(width)])
        real = graph.node("Cast", ["attention_mask"], to=TensorProto.BOOL)
        keys = graph.node("Unsqueeze", [real, graph.integers(1, 2)])
        visible = graph.node("And", [keys, in_window])
        masked = graph.constant("unseen", np.asarray(_MASKED_SCORE, dtype=np.float32))
        unmasked = graph.constant("seen", np.asarray(0.0, dtype=np.float32))
        return graph.node("Where", [visible, unmasked, masked])


def _max_tokens(classifier: Classifier) -> int:
    """Return the largest number of tokens: the tokenizer's truncation, at most the model's own."""
    limit = int(classifier.config.max_position_embeddings)
    truncation = classifier.tokenizer.truncation
    return min(limit, truncation["max_length"]) if truncation else limit
