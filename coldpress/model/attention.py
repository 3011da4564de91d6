"""Kinds of attention: which modules take part, and how scores are computed from queries and keys.

A family names its kind of attention in the architecture table. The kinds' graphs are in
`coldpress.onnx.graph.attention`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from torch import Tensor

    from coldpress.model.activations import Activations
    from coldpress.model.classifier import Classifier


class Attention(Protocol):
    """A kind of attention, with the modules of one family. Torch is imported in methods only."""

    @property
    def linears(self) -> Mapping[str, str]:
        """Paths of the linear modules inside a layer, by role.

        The roles are `query`, `key`, `value` and `attention_output`. A kind may have more: their
        outputs must be divided into heads as those of `query` are.
        """

    @property
    def input_roles(self) -> tuple[str, ...]:
        """Roles of the linear modules that read the layer's input and nothing else."""

    @property
    def layer_lists(self) -> tuple[str, ...]:
        """Configuration keys of lists with one entry a layer."""

    def scores(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:
        """Compute the attention scores of a layer before mask and softmax.

        Args:
            classifier: One with this kind of attention.
            states: Of one forward pass of the classifier.
            layer: Counted from 0.

        Returns:
            Shape (batch, heads, tokens, tokens).
        """

    def attended_pairs(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:
        """Return the pairs of unpadded tokens that attend to each other in a layer.

        Args:
            classifier: One with this kind of attention.
            states: Of one forward pass of the classifier.
            layer: Counted from 0.

        Returns:
            Booleans of shape (batch, tokens, tokens).
        """


def _bert_linears() -> Mapping[str, str]:
    return {
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attention_output": "attention.output.dense",
    }


@dataclass(frozen=True)
class BertAttention:
    """Every token attends to every other (Vaswani et al. 2017, section 3.2).

    Attributes:
        linears: Paths by role; by default BERT's.
    """

    linears: Mapping[str, str] = field(default_factory=_bert_linears)

    @property
    def input_roles(self) -> tuple[str, ...]:
        """Queries, keys and values."""
        return ("query", "key", "value")

    @property
    def layer_lists(self) -> tuple[str, ...]:
        """All layers are alike."""
        return ()

    def scores(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:
        """Compute QK^T / sqrt(head size)."""
        from coldpress.model.attention_scores import scaled_product, split_heads

        size = classifier.head_size
        return scaled_product(
            split_heads(states.queries[layer], size), split_heads(states.keys[layer], size)
        )

    def attended_pairs(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:  # noqa: ARG002
        """Return all pairs of unpadded tokens."""
        from coldpress.model.attention_scores import unpadded_pairs

        return unpadded_pairs(states.token_mask)


@dataclass(frozen=True)
class RotaryAttention:
    """Queries and keys are rotated by their positions; some layers may see a window of tokens only.

    Attributes:
        linears: Paths by role.
        rotary: The module inside the encoder that computes the rotary position embedding.
        layer_types: Configuration key of the list of attention types, one a layer:
            `full_attention` or `sliding_attention`. None: all layers see all tokens, and have the
            same frequencies.
    """

    linears: Mapping[str, str]
    rotary: str
    layer_types: str | None = None

    @property
    def input_roles(self) -> tuple[str, ...]:
        """Queries, keys and values."""
        return ("query", "key", "value")

    @property
    def layer_lists(self) -> tuple[str, ...]:
        """The attention types, if there are several."""
        return (self.layer_types,) if self.layer_types else ()

    def layer_type(self, classifier: Classifier, layer: int) -> str:
        """Return the attention type of a layer from the configuration.

        Args:
            classifier: One with this kind of attention.
            layer: Counted from 0.

        Returns:
            `full_attention` or `sliding_attention`.
        """
        if self.layer_types is None:
            return "full_attention"
        return str(getattr(classifier.config, self.layer_types)[layer])

    def window(self, classifier: Classifier, layer: int) -> int | None:
        """Return how far a layer's tokens attend to either side.

        Args:
            classifier: One with this kind of attention.
            layer: Counted from 0.

        Returns:
            A number of tokens; None if every token attends to all tokens.
        """
        sliding = self.layer_type(classifier, layer) == "sliding_attention"
        return int(classifier.config.sliding_window) if sliding else None

    def scores(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:
        """Compute QK^T / sqrt(head size) of rotated queries and keys."""
        from coldpress.model.attention_scores import scaled_product, split_heads
        from coldpress.model.rotary import apply_rotary, rotary_cos_sin

        rotation = rotary_cos_sin(self, classifier, layer, states.token_mask.shape[1])
        queries, keys = (
            apply_rotary(split_heads(features, classifier.head_size), rotation)
            for features in (states.queries[layer], states.keys[layer])
        )
        return scaled_product(queries, keys)

    def attended_pairs(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:
        """Return the pairs of unpadded tokens within the layer's window."""
        from coldpress.model.attention_scores import pairs_within, unpadded_pairs

        pairs = unpadded_pairs(states.token_mask)
        window = self.window(classifier, layer)
        return pairs if window is None else pairs & pairs_within(window, states.token_mask)


@dataclass(frozen=True)
class RelativeBiasAttention:
    """A bias for the distance of query and key is added to each score (Raffel et al. 2020).

    Attributes:
        linears: Paths by role.
        module: Path inside a layer of the module that computes the scores.
        bias_table: Path inside the encoder of the table of biases, which all layers share.
        kept_heads: Configuration key of the table's columns for the heads of each layer; it is set
            when heads are removed.
        buckets: Number of rows of the table.
    """

    linears: Mapping[str, str]
    module: str
    bias_table: str
    kept_heads: str
    buckets: int = 32

    @property
    def input_roles(self) -> tuple[str, ...]:
        """Queries, keys and values."""
        return ("query", "key", "value")

    @property
    def layer_lists(self) -> tuple[str, ...]:
        """The heads that each layer has, once some were removed."""
        return (self.kept_heads,)

    def scores(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:
        """Compute QK^T / sqrt(head size) + bias."""
        from coldpress.model.attention_scores import scaled_product, split_heads
        from coldpress.model.relative_bias import position_bias

        queries, keys = (
            split_heads(features, classifier.head_size)
            for features in (states.queries[layer], states.keys[layer])
        )
        bias = position_bias(classifier, layer, states.token_mask.shape[1])
        return scaled_product(queries, keys) + bias

    def attended_pairs(self, classifier: Classifier, states: Activations, layer: int) -> Tensor:  # noqa: ARG002
        """Return all pairs of unpadded tokens."""
        from coldpress.model.attention_scores import unpadded_pairs

        return unpadded_pairs(states.token_mask)
