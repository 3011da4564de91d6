"""A model family: its module paths and configuration keys, by default those of BERT."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from coldpress.model.attention import Attention, BertAttention

TokensRead = Literal["first", "mean", "mean_logits", "together", "all"]
"""What a head reads: the first token; the mean of all tokens; every token, for the mean of their
logits; all tokens together in another way; or every token by itself."""

SHARING_ROLES = ("key", "value")
"""Roles of linear modules whose outputs several heads may share."""


@dataclass(frozen=True)
class Embeddings:
    """Tables and modules before the first layer, by their paths inside the encoder.

    Attributes:
        module: The module that holds every table.
        words: The token table.
        positions, segments: The other tables, if any.
        norm: The normalization that follows the tables. A family without one has no other table
            than that of the tokens, and no projection.
        projection: The linear module that maps the tables' width to the layers' width; not every
            model has one.
        positions_from_padding: True if positions are counted from the padding id plus one, so that
            no token uses the first rows of the position table.
        padding_id: The only padding id, in a family whose code does not read the configured one.
    """

    module: str = "embeddings"
    words: str = "embeddings.word_embeddings"
    positions: str | None = "embeddings.position_embeddings"
    segments: str | None = "embeddings.token_type_embeddings"
    norm: str | None = "embeddings.LayerNorm"
    projection: str = "embeddings_project"
    positions_from_padding: bool = False
    padding_id: int | None = None


@dataclass(frozen=True)
class FeedForward:
    """Linear modules of the feed-forward part, by their paths inside a layer.

    Attributes:
        up, down: The modules before and after the activation function.
        gate: In gated families (GLU): the module whose output is multiplied by the activated output
            of `up`.
    """

    up: str = "intermediate.dense"
    down: str = "output.dense"
    gate: str | None = None

    @property
    def linears(self) -> Mapping[str, str]:
        """Paths by role."""
        return {"up": self.up, "down": self.down} | ({"gate": self.gate} if self.gate else {})


@dataclass(frozen=True)
class Norms:
    """Normalizations of the layers.

    Attributes:
        attention, feed_forward: Paths inside a layer; each follows the residual sum.
        before_sublayers: True if they come before attention and feed-forward instead (pre-norm).
            The first layer then has none before its attention if the embedding norm precedes it.
        final: Path inside the encoder of the normalization after the last layer, if any.
        root_mean_square: True if they divide by the root mean square (RMSNorm) and have no bias.
        bias_key: Configuration key that says whether they have a bias; None: they have one.
    """

    attention: str = "attention.output.LayerNorm"
    feed_forward: str = "output.LayerNorm"
    before_sublayers: bool = False
    final: str | None = None
    root_mean_square: bool = False
    bias_key: str | None = None

    @property
    def in_layer(self) -> tuple[str, str]:
        """Paths of both normalizations of a layer."""
        return self.attention, self.feed_forward


@dataclass(frozen=True)
class OutputHead:
    """Modules after the encoder, by their paths inside the classifier.

    Attributes:
        pooler: The linear module applied to what the head reads, if any: the first token, the mean
            of all, or every token.
        activation: The activation after `pooler`, as configurations name it.
        norm: The normalization after that activation, if any.
        output: The linear module that returns the logits.
    """

    pooler: str | None = "classifier.dense"
    activation: str = "tanh"
    norm: str | None = None
    output: str = "classifier"


@dataclass(frozen=True)
class ConfigKeys:
    """Names of values in the configuration.

    Attributes:
        activation: The feed-forward activation.
        layers, heads: The numbers of layers and of attention heads.
        key_value_heads: The number of heads with keys and values of their own, in families where
            several heads may share them; no more than `heads` of them.
        head_size: The width of a head, in families that also name it: the hidden size over `heads`.
        neurons: The feed-forward width.
        tables: The embedding tables' width, in families with an optional projection after them.
        pooler_activation: The pooler's activation, if it is configurable.
        pooling: The pooling, if it is configurable.
        poolings: What the classification head reads, by the configured name; the first one is the
            default.
    """

    activation: str = "hidden_act"
    layers: str = "num_hidden_layers"
    heads: str = "num_attention_heads"
    key_value_heads: str | None = None
    head_size: str | None = None
    neurons: str = "intermediate_size"
    tables: str | None = None
    pooler_activation: str | None = None
    pooling: str | None = None
    poolings: Mapping[str, TokensRead] = field(
        default_factory=lambda: {"cls": "first", "mean": "mean"}
    )


@dataclass(frozen=True)
class Architecture:
    """One model family; the defaults are BERT's.

    Attributes:
        encoder: Path of the encoder inside the classifier.
        layers: Path of the list of layers inside the encoder.
        embeddings: Tables and modules before the first layer.
        attention: The kind of attention, with its linear modules.
        feed_forward: Linear modules of the feed-forward part.
        norms: Normalizations of the layers.
        classification_head: Modules after the encoder if a text has one output vector.
        token_head: Modules after the encoder if every token has an output vector.
        config_keys: Names of values in the configuration.
        fused: Fused linear modules inside a layer: the names of their slices by the module's path.
            Slices have the same size and are in row order. A `Classifier` splits them: each slice
            is a submodule of that path.
        adopted_code: True if the published files name code of their own (`auto_map`), which has
            since become part of transformers. That of transformers is used.
    """

    encoder: str
    layers: str = "encoder.layer"
    embeddings: Embeddings = field(default_factory=Embeddings)
    attention: Attention = field(default_factory=BertAttention)
    feed_forward: FeedForward = field(default_factory=FeedForward)
    norms: Norms = field(default_factory=Norms)
    classification_head: OutputHead = field(default_factory=OutputHead)
    token_head: OutputHead = field(default_factory=lambda: OutputHead(pooler=None))
    config_keys: ConfigKeys = field(default_factory=ConfigKeys)
    fused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    adopted_code: bool = False

    @property
    def linears(self) -> Mapping[str, str]:
        """Paths of a layer's linear modules, by role."""
        return {**self.attention.linears, **self.feed_forward.linears}

    @property
    def head_roles(self) -> tuple[str, ...]:
        """Roles whose outputs are divided into attention heads."""
        return tuple(role for role in self.attention.linears if role != "attention_output")

    @property
    def up_roles(self) -> tuple[str, ...]:
        """Roles whose outputs are the feed-forward neurons."""
        return tuple(role for role in self.feed_forward.linears if role != "down")

    @property
    def reader_roles(self) -> tuple[str, ...]:
        """Roles whose inputs are as wide as the residual stream."""
        return (*self.head_roles, *self.up_roles)

    @property
    def first_norm_missing(self) -> bool:
        """True if the first layer has no normalization before its attention, where others do."""
        return self.norms.before_sublayers and self.embeddings.norm is not None

    def layer_path(self, index: int) -> str:
        """Return the path of a layer inside the classifier.

        Args:
            index: Counted from 0.
        """
        return f"{self.encoder}.{self.layers}.{index}"
