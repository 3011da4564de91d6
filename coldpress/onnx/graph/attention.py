"""Attention layers as graph nodes, with masking and rotary positions.

Every kind of attention has a function here that adds it to a graph; another kind registers its own
with `add_attention.register`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import singledispatch

from onnx import TensorProto

from coldpress.model.attention import (
    BertAttention,
    RelativeBiasAttention,
    RotaryAttention,
)
from coldpress.model.classifier import Classifier
from coldpress.model.relative_bias import bias_weight, columns_of
from coldpress.model.rotary import rotary_cos_sin
from coldpress.onnx.graph.builder import MICROSOFT
from coldpress.onnx.graph.folded_tables import max_tokens
from coldpress.onnx.graph.lowering import Lowering
from coldpress.onnx.graph.score_summands import (
    MASKED_SCORE,
    add_distance_biases,
    add_window_mask,
)
from coldpress.quantization.arithmetic.graph import HeadsAndMask


@dataclass(frozen=True)
class LayerInput:
    """What a layer's attention reads.

    Attributes:
        index: Number of the layer.
        states: Name of a tensor of shape (batch, tokens, width).
        first_token: True if only the first token is computed.
    """

    index: int
    states: str
    first_token: bool


class AttentionLowering:
    """Adds what kinds of attention have in common, once for all layers where possible.

    The constants of positions cover the largest number of tokens in a text. The graph fails on
    longer texts, as a model with position embeddings does.

    Attributes:
        graph: The graph under construction.
        modules: Adds the classifier's modules to it, by path.
        classifier: The classifier that is lowered.
        padding: Name of the attention mask as int32, of shape (batch, tokens).
    """

    def __init__(self, lowering: Lowering, classifier: Classifier) -> None:
        self.graph = lowering.graph
        self.modules = lowering
        self.classifier = classifier
        self.padding = self.graph.node("Cast", ["attention_mask"], to=TensorProto.INT32)
        self._window_masks: dict[int, str] = {}
        self._biases = ""

    @property
    def max_tokens(self) -> int:
        """Largest number of tokens in a text."""
        return max_tokens(self.classifier)

    def project(self, layer: LayerInput) -> list[str]:
        """Add queries, keys and values of one input, which share its activation range.

        Args:
            layer: The input.

        Returns:
            Names of tensors of shape (batch, tokens, heads * head size); with `first_token`, the
            queries have one token.
        """
        paths = self._projection_paths(layer)
        if not layer.first_token:
            return self.modules.linears(layer.states, paths)
        activation = self.modules.activation(layer.states, paths)
        first = self.modules.first_token(activation)
        queries = self.modules.products(first, paths[:1])
        return queries + self.modules.products(activation, paths[1:])

    def attend_to_all(self, layer: LayerInput) -> str:
        """Add attention with its projections as one operator.

        It computes all tokens. From some 15 tokens on, the operators that compute only the first
        one are faster where no other is read.

        Args:
            layer: The input.

        Returns:
            Name of a tensor of shape (batch, tokens, heads * head size); empty if there is no such
            operator for the arithmetic of the projections.
        """
        if layer.first_token:
            return ""
        heads = self.classifier.shapes[layer.index].heads
        attention = HeadsAndMask(heads, self.padding, MASKED_SCORE)
        return self.modules.attention(layer.states, self._projection_paths(layer), attention)

    def attend(
        self,
        layer: LayerInput,
        projections: list[str],
        mask: list[str],
        **settings: float,
    ) -> str:
        """Add scores, softmax and the weighted sums of values.

        Args:
            layer: The input.
            projections: Queries, keys and values, as `project` returns them.
            mask: The operator's next inputs: bias, padding mask and summand of the scores; an empty
                name skips an input.
            settings: Further attributes of the operator.

        Returns:
            Name of a tensor of shape (batch, tokens or 1, heads * head size).
        """
        return self.graph.node(
            f"{MICROSOFT}.MultiHeadAttention",
            [*projections, *mask],
            num_heads=self.classifier.shapes[layer.index].heads,
            mask_filter_value=MASKED_SCORE,
            **settings,
        )

    def window_mask(self, layer: LayerInput, width: int) -> str:
        """Add the summand of the scores that masks padding and tokens outside a window.

        As in torch the masked score is added once, even where both apply: a padding token with all
        tokens masked then gives each of them the same weight in both.

        Args:
            layer: The input.
            width: How far tokens attend to either side.

        Returns:
            Name of a tensor of shape (batch, 1, tokens or 1, tokens).
        """
        if width not in self._window_masks:
            self._window_masks[width] = add_window_mask(self.graph, width)
        mask = self._window_masks[width]
        if not layer.first_token:
            return mask
        ends = [self.graph.integers(0), self.graph.integers(1), self.graph.integers(2)]
        return self.graph.node("Slice", [mask, *ends])

    def position_bias(self, layer: LayerInput, table: str) -> str:
        """Add the biases of a layer's scores by the distances of its tokens.

        Args:
            layer: The input.
            table: Path of the table of biases, of shape (buckets, heads).

        Returns:
            Name of a tensor of shape (1, heads, tokens or 1, tokens).
        """
        graph = self.graph
        if not self._biases:
            self._biases = add_distance_biases(graph, self.classifier, table, self.max_tokens)
        biases = self._biases
        columns = columns_of(self.classifier, layer.index).tolist()
        if columns != list(range(bias_weight(self.classifier).shape[1])):
            biases = graph.node("Gather", [biases, graph.integers(*columns)], axis=1)
        if not layer.first_token:
            return biases
        ends = [graph.integers(0), graph.integers(1), graph.integers(2)]
        return graph.node("Slice", [biases, *ends])

    def _projection_paths(self, layer: LayerInput) -> list[str]:
        table = self.classifier.architecture
        linears = [table.linears[role] for role in table.attention.input_roles]
        return [f"{table.layer_path(layer.index)}.{linear}" for linear in linears]


@singledispatch
def add_attention(attention: object, lowering: AttentionLowering, layer: LayerInput) -> str:
    """Add a layer's attention, up to the output of its heads.

    Args:
        attention: The kind of attention of the classifier's family.
        lowering: Shared by all layers.
        layer: The input.

    Returns:
        Name of a tensor of shape (batch, tokens or 1, heads * head size).

    Raises:
        NotImplementedError: No function is registered for this kind of attention.
    """
    raise NotImplementedError(f"no graph is registered for {type(attention).__name__}")


@add_attention.register
def _add_bert(_: BertAttention, lowering: AttentionLowering, layer: LayerInput) -> str:
    if context := lowering.attend_to_all(layer):
        return context
    return lowering.attend(layer, lowering.project(layer), ["", lowering.padding])


@add_attention.register
def _add_relative_bias(
    attention: RelativeBiasAttention, lowering: AttentionLowering, layer: LayerInput
) -> str:
    path = f"{lowering.classifier.architecture.encoder}.{attention.bias_table}"
    mask = ["", lowering.padding, lowering.position_bias(layer, path)]
    return lowering.attend(layer, lowering.project(layer), mask)


@add_attention.register
def _add_rotary(attention: RotaryAttention, lowering: AttentionLowering, layer: LayerInput) -> str:
    query, key, value = lowering.project(layer)
    # At position 0 the rotation is the identity.
    query = query if layer.first_token else _rotate(attention, lowering, layer, query)
    mask = ["", lowering.padding]
    width = attention.window(lowering.classifier, layer.index)
    if width is not None and width < lowering.max_tokens - 1:
        mask = ["", "", lowering.window_mask(layer, width)]
    key = _rotate(attention, lowering, layer, key)
    return lowering.attend(layer, [query, key, value], mask)


def _rotate(
    attention: RotaryAttention, lowering: AttentionLowering, layer: LayerInput, states: str
) -> str:
    classifier = lowering.classifier
    rotation = rotary_cos_sin(attention, classifier, layer.index, lowering.max_tokens)
    suffix = attention.layer_type(classifier, layer.index)
    cos, sin = (
        lowering.graph.constant(f"{name}_{suffix}", tensor.detach().cpu().numpy())
        for name, tensor in zip(("cos", "sin"), rotation, strict=True)
    )
    first_position = lowering.graph.integers(0)
    return lowering.graph.node(f"{MICROSOFT}.RotaryEmbedding", [states, first_position, cos, sin])
