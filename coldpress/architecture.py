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
    config_layers: str = "num_hidden_layers"
    config_heads: str = "num_attention_heads"
    config_neurons: str = "intermediate_size"


ARCHITECTURES = {
    "bert": Architecture(encoder="bert"),
    "roberta": Architecture(encoder="roberta"),
    "xlm-roberta": Architecture(encoder="roberta"),
    "electra": Architecture(encoder="electra"),
    "distilbert": Architecture(
        encoder="distilbert",
        layers="transformer.layer",
        query="attention.q_lin",
        key="attention.k_lin",
        value="attention.v_lin",
        attention_output="attention.out_lin",
        up="ffn.lin1",
        down="ffn.lin2",
        config_layers="n_layers",
        config_heads="n_heads",
        config_neurons="hidden_dim",
    ),
}
