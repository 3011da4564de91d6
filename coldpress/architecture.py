"""The only file that knows the module names of model families: a table, not code."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """Where the parts of an encoder are, as dotted paths.

    Attributes:
        encoder: The encoder inside the classifier.
        layers: The list of layers inside the encoder.
        query, key, value, attention_output: Linear modules inside a layer.
        up, down: The feed-forward linear modules inside a layer.
        word_embeddings: The token table inside the encoder.
        embeddings: The module inside the encoder that holds every table.
        position_embeddings, segment_embeddings: The other tables inside the encoder; a family
            may lack the second.
        embedding_norm: The normalization inside the encoder that follows the tables.
        embedding_projection: A linear module inside the encoder, from the tables' width to the
            layers'; not every model has one.
        attention_norm, output_norm: The normalizations inside a layer, after each residual sum.
        pooler: The linear module that sees the first token.
        pooler_activation: What follows it, by its name in a configuration.
        output: The linear module that gives the logits.
        reserved_positions: Rows of the position table that no token uses.
        config_activation: Name of the feed-forward activation in the configuration.
        config_layers: Name of the number of layers in the configuration.
        config_heads: Name of the number of heads in the configuration.
        config_neurons: Name of the feed-forward width in the configuration.
    """

    encoder: str
    layers: str = "encoder.layer"
    query: str = "attention.self.query"
    key: str = "attention.self.key"
    value: str = "attention.self.value"
    attention_output: str = "attention.output.dense"
    up: str = "intermediate.dense"
    down: str = "output.dense"
    word_embeddings: str = "embeddings.word_embeddings"
    embeddings: str = "embeddings"
    position_embeddings: str = "embeddings.position_embeddings"
    segment_embeddings: str = "embeddings.token_type_embeddings"
    embedding_norm: str = "embeddings.LayerNorm"
    embedding_projection: str = "embeddings_project"
    attention_norm: str = "attention.output.LayerNorm"
    output_norm: str = "output.LayerNorm"
    pooler: str = "classifier.dense"
    pooler_activation: str = "tanh"
    output: str = "classifier"
    reserved_positions: int = 0
    config_activation: str = "hidden_act"
    config_layers: str = "num_hidden_layers"
    config_heads: str = "num_attention_heads"
    config_neurons: str = "intermediate_size"


# Its positions are counted from pad_token_id + 1, which is 2.
_ROBERTA = Architecture(encoder="roberta", output="classifier.out_proj", reserved_positions=2)

ARCHITECTURES = {
    "bert": Architecture(encoder="bert", pooler="bert.pooler.dense"),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "electra": Architecture(
        encoder="electra", output="classifier.out_proj", pooler_activation="gelu"
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
}

ACTIVATIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "tanh")
"""Activation functions, as configurations name them, that an ONNX graph is built with."""
