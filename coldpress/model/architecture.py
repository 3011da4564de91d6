"""Table of the supported model families: where their modules are and how they are configured.

No other file knows the module names of a family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Architecture:
    """One model family: dotted paths of its modules and names of its configuration keys.

    Attributes:
        encoder: The encoder inside the classifier.
        layers: The list of layers inside the encoder.
        query, key, value, attention_output: Linear modules inside a layer.
        up, down: The feed-forward linear modules inside a layer.
        gate: In gated families (GLU): the linear module whose output is multiplied by the
            activated output of `up`.
        fused: Fused linear modules inside a layer: the names of their slices by the module's path.
            Slices have the same size and are in row order. A `Classifier` splits them: each slice
            is a submodule of that path.
        word_embeddings: The token table inside the encoder.
        embeddings: The module inside the encoder that holds every table.
        position_embeddings, segment_embeddings: The other tables inside the encoder, if any.
        embedding_norm: The normalization inside the encoder that follows the tables.
        embedding_projection: The linear module inside the encoder that maps the tables' width to
            the layers' width; not every model has one.
        attention_norm, output_norm: The normalizations inside a layer, after each residual sum.
        pre_norm: True if they come before attention and feed-forward instead. The first layer then
            has none before its attention, since the embedding norm precedes it.
        final_norm: The normalization after the last layer of a `pre_norm` encoder.
        rotary: The module inside the encoder that computes the rotary position embedding.
        pooler: The linear module applied to the first token.
        pooler_activation: The activation after `pooler`, as configurations name it.
        pooler_norm: The normalization after that activation.
        output: The linear module that returns the logits.
        positions_from_padding: True if positions are counted from the padding id plus one, so that
            no token uses the first rows of the position table.
        config_activation: Name of the feed-forward activation in the configuration.
        config_layers: Name of the number of layers in the configuration.
        config_heads: Name of the number of heads in the configuration.
        config_neurons: Name of the feed-forward width in the configuration.
        config_tables: Name of the embedding tables' width in the configuration, in families with
            an optional `embedding_projection`.
        config_pooler_activation: Name of the pooler's activation in the configuration, if it is
            configurable.
        config_pooling: Name of the pooling in the configuration: `cls` or `mean`.
        config_layer_types: Name of the list of attention types in the configuration, one a layer:
            `full_attention` or `sliding_attention`.
    """

    encoder: str
    layers: str = "encoder.layer"
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attention_output: str = "attention.output.dense"
    up: str = "intermediate.dense"
    down: str = "output.dense"
    gate: str | None = None
    fused: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    word_embeddings: str = "embeddings.word_embeddings"
    embeddings: str = "embeddings"
    position_embeddings: str | None = "embeddings.position_embeddings"
    segment_embeddings: str | None = "embeddings.token_type_embeddings"
    embedding_norm: str = "embeddings.LayerNorm"
    embedding_projection: str = "embeddings_project"
    attention_norm: str = "attention.output.LayerNorm"
    output_norm: str = "output.LayerNorm"
    pre_norm: bool = False
    final_norm: str | None = None
    rotary: str | None = None
    pooler: str = "classifier.dense"
    pooler_activation: str = "tanh"
    pooler_norm: str | None = None
    output: str = "classifier"
    positions_from_padding: bool = False
    config_activation: str = "hidden_act"
    config_layers: str = "num_hidden_layers"
    config_heads: str = "num_attention_heads"
    config_neurons: str = "intermediate_size"
    config_tables: str | None = None
    config_pooler_activation: str | None = None
    config_pooling: str | None = None
    config_layer_types: str | None = None

    @property
    def roles(self) -> tuple[str, ...]:
        """Field names of a layer's linear modules."""
        return (*ROLES, "gate") if self.gate else ROLES

    @property
    def reader_roles(self) -> tuple[str, ...]:
        """Roles whose input is the residual stream."""
        return ("query", "key", "value", *self.up_roles)

    @property
    def up_roles(self) -> tuple[str, ...]:
        """Roles whose outputs are the feed-forward neurons."""
        return ("up", "gate") if self.gate else ("up",)


FIRST_NORM = "first_attention_norm"
"""Configuration key, set where pruning removed the original first layer of a `pre_norm` family: the
new first layer keeps the normalization before its attention, which the original one lacks."""

ROLES = ("query", "key", "value", "attention_output", "up", "down")
"""Roles of the linear modules that every family has in a layer."""

_ROBERTA = Architecture(
    encoder="roberta", output="classifier.out_proj", positions_from_padding=True
)

ARCHITECTURES = {
    "bert": Architecture(encoder="bert", pooler="bert.pooler.dense"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "electra": Architecture(
        encoder="electra",
        output="classifier.out_proj",
        pooler_activation="gelu",
        config_tables="embedding_size",
    ),
    "distilbert": Architecture(
        encoder="distilbert",
        layers="transformer.layer",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention_output="attention.out_lin",
        up="ffn.lin1",
        down="ffn.lin2",
        attention_norm="sa_layer_norm",
        output_norm="output_layer_norm",
        pooler="pre_classifier",
        pooler_activation="relu",
        config_activation="activation",
        config_layers="n_layers",
        config_heads="n_heads",
        config_neurons="hidden_dim",
    ),
    "modernbert": Architecture(
        encoder="model",
        layers="layers",
        query="attn.Wqkv.query",
        key="attn.Wqkv.key",
        value="attn.Wqkv.value",
        attention_output="attn.Wo",
        up="mlp.Wi.up",
        gate="mlp.Wi.gate",
        down="mlp.Wo",
        fused={"attn.Wqkv": ("query", "key", "value"), "mlp.Wi": ("up", "gate")},
        word_embeddings="embeddings.tok_embeddings",
        position_embeddings=None,
        segment_embeddings=None,
        embedding_norm="embeddings.norm",
        attention_norm="attn_norm",
        output_norm="mlp_norm",
        pre_norm=True,
        final_norm="final_norm",
        rotary="rotary_emb",
        pooler="head.dense",
        pooler_activation="gelu",
        pooler_norm="head.norm",
        config_activation="hidden_activation",
        config_pooler_activation="classifier_activation",
        config_pooling="classifier_pooling",
        config_layer_types="layer_types",
    ),
}

ACTIVATION_FUNCTIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "tanh")
"""Activation functions that export supports, as configurations name them."""
