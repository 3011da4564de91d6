"""Table of the supported model families: where their modules are and how they are configured.

No other file knows the module names of a family.
"""

from __future__ import annotations

from coldpress.model.attention import (
    BertAttention,
    RelativeBiasAttention,
    RotaryAttention,
)
from coldpress.model.components import (
    Architecture,
    ConfigKeys,
    Embeddings,
    FeedForward,
    Norms,
    OutputHead,
)
from coldpress.model.disentangled_attention import DisentangledAttention

FIRST_NORM = "first_attention_norm"
"""Configuration key, set where pruning removed the original first layer of a family that normalizes
before sublayers: the new first layer keeps the normalization before its attention, which the
original one lacks."""

BIAS_HEADS = "relative_attention_heads"
"""Configuration key, set where the table of relative positions has another number of heads than the
configuration: a narrower model has fewer heads by its configuration only."""

KEPT_HEADS = "relative_attention_kept_heads"
"""Configuration key, set where heads were removed: the columns of that table for each layer."""

POSITION_TABLES = "position_tables"
"""Configuration key, set where each layer has a table of the positions that it has projected."""

EMBEDDING_RANK = "embedding_rank"
"""Configuration key, set where the token table is a product of two factors: the width of the first.
"""

ACTIVATION_FUNCTIONS = ("gelu", "gelu_new", "gelu_pytorch_tanh", "relu", "silu", "tanh")
"""Activation functions that export supports, as configurations name them."""


_ROBERTA = Architecture(
    encoder="roberta",
    embeddings=Embeddings(positions_from_padding=True),
    classification_head=OutputHead(output="classifier.out_proj"),
)

_MODERNBERT_HEAD = OutputHead(pooler="head.dense", activation="gelu", norm="head.norm")

ARCHITECTURES = {
    "bert": Architecture(
        encoder="bert", classification_head=OutputHead(pooler="bert.pooler.dense")
    ),
    "roberta": _ROBERTA,
    "xlm-roberta": _ROBERTA,
    "electra": Architecture(
        encoder="electra",
        classification_head=OutputHead(activation="gelu", output="classifier.out_proj"),
        config_keys=ConfigKeys(tables="embedding_size"),
    ),
    "distilbert": Architecture(
        encoder="distilbert",
        layers="transformer.layer",
        attention=BertAttention(
            {
                "query": "attention.q_lin",
                "key": "attention.k_lin",
                "value": "attention.v_lin",
                "attention_output": "attention.out_lin",
            }
        ),
        feed_forward=FeedForward(up="ffn.lin1", down="ffn.lin2"),
        norms=Norms(attention="sa_layer_norm", feed_forward="output_layer_norm"),
        classification_head=OutputHead(pooler="pre_classifier", activation="relu"),
        config_keys=ConfigKeys(
            activation="activation", layers="n_layers", heads="n_heads", neurons="hidden_dim"
        ),
    ),
    "mpnet": Architecture(
        encoder="mpnet",
        embeddings=Embeddings(segments=None, positions_from_padding=True, padding_id=1),
        attention=RelativeBiasAttention(
            linears={
                "query": "attention.attn.q",
                "key": "attention.attn.k",
                "value": "attention.attn.v",
                "attention_output": "attention.attn.o",
            },
            module="attention.attn",
            bias_table="encoder.relative_attention_bias",
            kept_heads=KEPT_HEADS,
        ),
        norms=Norms(attention="attention.LayerNorm"),
        classification_head=OutputHead(output="classifier.out_proj"),
    ),
    "deberta-v2": Architecture(
        encoder="deberta",
        embeddings=Embeddings(positions=None, segments=None),
        attention=DisentangledAttention(
            {
                "query": "attention.self.query_proj",
                "key": "attention.self.key_proj",
                "value": "attention.self.value_proj",
                "attention_output": "attention.output.dense",
            }
        ),
        classification_head=OutputHead(pooler="pooler.dense", activation="gelu"),
        config_keys=ConfigKeys(pooler_activation="pooler_hidden_act"),
    ),
    "eurobert": Architecture(
        encoder="model",
        layers="layers",
        embeddings=Embeddings(
            module="embed_tokens", words="embed_tokens", positions=None, segments=None, norm=None
        ),
        attention=RotaryAttention(
            linears={
                "query": "self_attn.q_proj",
                "key": "self_attn.k_proj",
                "value": "self_attn.v_proj",
                "attention_output": "self_attn.o_proj",
            },
            rotary="rotary_emb",
        ),
        # transformers applies the activation function to what it calls the gate.
        feed_forward=FeedForward(up="mlp.gate_proj", down="mlp.down_proj", gate="mlp.up_proj"),
        norms=Norms(
            attention="input_layernorm",
            feed_forward="post_attention_layernorm",
            before_sublayers=True,
            final="norm",
            root_mean_square=True,
        ),
        classification_head=OutputHead(pooler="dense", activation="gelu"),
        config_keys=ConfigKeys(
            key_value_heads="num_key_value_heads",
            head_size="head_dim",
            pooling="classifier_pooling",
            poolings={"late": "mean_logits", "bos": "first", "mean": "mean"},
        ),
        adopted_code=True,
    ),
    "modernbert": Architecture(
        encoder="model",
        layers="layers",
        embeddings=Embeddings(
            words="embeddings.tok_embeddings",
            positions=None,
            segments=None,
            norm="embeddings.norm",
        ),
        attention=RotaryAttention(
            linears={
                "query": "attn.Wqkv.query",
                "key": "attn.Wqkv.key",
                "value": "attn.Wqkv.value",
                "attention_output": "attn.Wo",
            },
            rotary="rotary_emb",
            layer_types="layer_types",
        ),
        feed_forward=FeedForward(up="mlp.Wi.up", down="mlp.Wo", gate="mlp.Wi.gate"),
        norms=Norms(
            attention="attn_norm",
            feed_forward="mlp_norm",
            before_sublayers=True,
            final="final_norm",
            bias_key="norm_bias",
        ),
        classification_head=_MODERNBERT_HEAD,
        token_head=_MODERNBERT_HEAD,
        config_keys=ConfigKeys(
            activation="hidden_activation",
            pooler_activation="classifier_activation",
            pooling="classifier_pooling",
        ),
        fused={"attn.Wqkv": ("query", "key", "value"), "mlp.Wi": ("up", "gate")},
    ),
}

STATIC = "static"
"""Family of `coldpress.model.static_model`."""

CONVOLUTION = "convolution"
"""Family of `coldpress.model.convolutional_model`."""

CONVOLUTION_PATH = "encoder.convolution"
"""Path of that model's linear module which reads windows of tokens."""

WITHOUT_LAYERS = {
    STATIC: Architecture(
        encoder="encoder",
        layers="layers",
        embeddings=Embeddings(words="embeddings.rows", positions=None, segments=None),
        norms=Norms(final="norm"),
        classification_head=OutputHead(pooler="dense", activation="relu"),
    ),
    CONVOLUTION: Architecture(
        encoder="encoder",
        layers="layers",
        embeddings=Embeddings(words="embeddings.rows", positions=None, segments=None),
        classification_head=OutputHead(pooler=None),
    ),
}
"""Families of students without layers, which no teacher is of."""


def find_architecture(family: str) -> Architecture:
    """Return the entry of a family.

    Args:
        family: `model_type` of a configuration.

    Raises:
        KeyError: The family is not supported.
    """
    return (ARCHITECTURES | WITHOUT_LAYERS)[family]
