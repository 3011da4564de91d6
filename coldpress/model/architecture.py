"""The only file that knows the module names of model families: a table, not code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Architecture:
    """Where the parts of an encoder are, as dotted paths.

    Attributes:
        encoder: The encoder inside the classifier.
        layers: The list of layers inside the encoder.
        query, key, value, attention_output: Linear modules inside a layer.
        up, down: The feed-forward linear modules inside a layer.
        gate: The linear module beside `up` whose output the activated one is multiplied by (GLU);
            only gated families have it.
        fused: Linear modules inside a layer that are several in one: by their path the names of
            their slices, all of one size, in the order of their rows. A classifier has them taken
            apart: a slice is a module below that path.
        word_embeddings: The token table inside the encoder.
        embeddings: The module inside the encoder that holds every table.
        position_embeddings, segment_embeddings: The other tables inside the encoder; a family
            may lack them.
        embedding_norm: The normalization inside the encoder that follows the tables.
        embedding_projection: A linear module inside the encoder, from the tables' width to the
            layers'; not every model has one.
        attention_norm, output_norm: The normalizations inside a layer, after each residual sum.
        pre_norm: Whether they come before attention and feed-forward instead. The first layer then
            has none before its attention, as the tables' normalization has just been.
        final_norm: The normalization inside the encoder that follows the last layer of these.
        rotary: The module inside the encoder that turns queries and keys by their positions.
        pooler: The linear module that sees the first token.
        pooler_activation: What follows it, by its name in a configuration.
        pooler_norm: The normalization that follows that.
        output: The linear module that gives the logits.
        positions_from_padding: Whether positions are counted from the padding token's id plus one,
            so that the first rows of the position table are used by no token.
        config_activation: Name of the feed-forward activation in the configuration.
        config_layers: Name of the number of layers in the configuration.
        config_heads: Name of the number of heads in the configuration.
        config_neurons: Name of the feed-forward width in the configuration.
        config_tables: Name of the embedding tables' width in the configuration, in families that
            may project from it to the layers'.
        config_pooler_activation: Name of the pooler's activation in the configuration, in families
            that do not leave it fixed.
        config_pooling: Name of what the head reads in the configuration: `cls` or `mean`.
        config_layer_types: Name of the layers' kinds of attention in the configuration, one a
            layer: `full_attention` or `sliding_attention`.
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
        """The linear modules of a layer: names of fields."""
        return (*ROLES, "gate") if self.gate else ROLES

    @property
    def readers(self) -> tuple[str, ...]:
        """Those that read what flows from layer to layer."""
        return ("query", "key", "value", *self.raising)

    @property
    def raising(self) -> tuple[str, ...]:
        """Those that give a feature a neuron."""
        return ("up", "gate") if self.gate else ("up",)


FIRST_NORM = "first_attention_norm"
"""Set in a configuration whose first layer was not the first before others were removed: it has
the normalization before its attention that the family's first layer lacks."""

ROLES = ("query", "key", "value", "attention_output", "up", "down")
"""The linear modules that every family has in a layer."""


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
"""Activation functions, as configurations name them, that an ONNX graph is built with."""
