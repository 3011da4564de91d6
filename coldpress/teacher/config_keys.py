"""Tables of the keys in a teacher's config.json: used, required values, ignored, defaults.

Only `EFFECTIVE_KEYS` are passed to transformers. A key in none of the tables does not affect
classifiers of the supported families, and is ignored too.
"""

from __future__ import annotations

from collections.abc import Mapping

from coldpress.model.architecture import (
    BIAS_HEADS,
    EMBEDDING_RANK,
    FIRST_NORM,
    KEPT_HEADS,
    POSITION_TABLES,
)

COUNT = "a positive whole number"
NUMBER = "a number that is not negative"
POSITIVE = "a positive number"
RATE = "a number from 0 to 1"
FLAG = "true or false"
TEXT = "text"
ANY = "checked elsewhere"

EFFECTIVE_KEYS: Mapping[str, str] = {
    # sizes
    "vocab_size": COUNT,
    "hidden_size": COUNT,
    "dim": COUNT,
    "embedding_size": COUNT,
    "num_hidden_layers": COUNT,
    "n_layers": COUNT,
    "num_attention_heads": COUNT,
    "n_heads": COUNT,
    "num_key_value_heads": COUNT,
    "head_dim": COUNT,
    "intermediate_size": COUNT,
    "hidden_dim": COUNT,
    "max_position_embeddings": COUNT,
    "type_vocab_size": COUNT,
    "local_attention": COUNT,
    "position_buckets": COUNT,
    POSITION_TABLES: ANY,
    "max_relative_positions": ANY,
    "global_attn_every_n_layers": COUNT,
    # computation
    "hidden_act": TEXT,
    "activation": TEXT,
    "hidden_activation": TEXT,
    "classifier_activation": TEXT,
    "pooler_hidden_act": TEXT,
    "relative_attention": ANY,
    "position_biased_input": ANY,
    "pos_att_type": ANY,
    "share_att_key": ANY,
    "norm_rel_ebd": ANY,
    "classifier_pooling": TEXT,
    "layer_norm_eps": NUMBER,
    "norm_eps": NUMBER,
    "rms_norm_eps": NUMBER,
    "norm_bias": FLAG,
    "attention_bias": FLAG,
    "mlp_bias": FLAG,
    "classifier_bias": FLAG,
    "global_rope_theta": POSITIVE,
    "local_rope_theta": POSITIVE,
    "layer_types": ANY,
    "rope_parameters": ANY,
    "rope_scaling": ANY,
    "rope_theta": ANY,
    "pad_token_id": ANY,
    "id2label": ANY,
    "num_labels": COUNT,
    # training
    "hidden_dropout_prob": RATE,
    "attention_probs_dropout_prob": RATE,
    "classifier_dropout": RATE,
    "pooler_dropout": RATE,
    "dropout": RATE,
    "attention_dropout": RATE,
    "seq_classif_dropout": RATE,
    "embedding_dropout": RATE,
    "mlp_dropout": RATE,
    "initializer_range": NUMBER,
    "initializer_cutoff_factor": NUMBER,
}
"""Keys that are passed to transformers, and what their values must be."""

CODE_KEY = "auto_map"
"""Names classes in Python files beside the weights."""

KEY_ALIASES: Mapping[str, str] = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
}
"""Common keys that DistilBERT also accepts, and its own names for them."""

NULLABLE_KEYS = ("classifier_dropout", "num_labels", "num_key_value_heads", "head_dim")
"""Keys for which null means the default."""

REQUIRED_VALUES: Mapping[str, tuple[object, str]] = {
    "is_decoder": (False, "the exported graph attends in both directions"),
    "add_cross_attention": (False, "the exported graph reads one sequence"),
    "is_encoder_decoder": (False, "the exported graph is an encoder"),
    "position_embedding_type": ("absolute", "the exported graph adds absolute positions"),
    "relative_attention_num_buckets": (32, "the family sorts distances into 32 buckets"),
    BIAS_HEADS: (None, "the family's table of biases has a column for each head"),
    KEPT_HEADS: (None, "every layer has all of its heads"),
    EMBEDDING_RANK: (None, "the token table is one matrix"),
    FIRST_NORM: (False, "the family's first layer is built without it"),
    "quantization_config": (None, "weights are read as floating-point numbers"),
    "compression_config": (None, "weights are read as floating-point numbers"),
    "pruned_heads": (None, "transformers 5 builds every layer with all of its heads"),
    "per_layer_config": (None, "every layer is built with the same sizes"),
    "fusion_config": (None, "every layer is built with the modules of its family"),
    "transformers_weights": (None, "weights are read from model.safetensors or its index"),
    "configuration_files": (None, "config.json is the configuration"),
    CODE_KEY: (None, "a model's own code is never run"),
}
"""Keys with only one supported value, this value (None: not set), and the reason.

Other values change what a model computes or how its weights are stored."""

IGNORED_KEYS: Mapping[str, str] = {
    "architectures": "names the classification head; checked if the teacher is not trained",
    "model_type": "chooses the family",
    "attribute_map": "set by the family",
    "label2id": "follows from id2label",
    "problem_type": "Coldpress sets the loss; checked if the teacher is not trained",
    "dtype": "weights become float32, whatever their precision",
    "torch_dtype": "the old name of dtype",
    "torchscript": "outputs are read by name",
    "return_dict": "outputs are read by name",
    "output_attentions": "requested in each call",
    "output_hidden_states": "requested in each call",
    "tie_last_hidden_states": "hidden states are those of the layers",
    "chunk_size_feed_forward": "saves memory; the result is the same",
    "use_cache": "encoders have no cache",
    "gradient_checkpointing": "saves memory; the result is the same",
    "tie_word_embeddings": "a classifier has no output embeddings",
    "attn_implementation": "attention is always eager, as it is exported",
    "experts_implementation": "no family has experts",
    "deterministic_flash_attn": "attention is always eager, as it is exported",
    "reference_compile": "nothing is compiled",
    "repad_logits_with_grad": "nothing is unpadded",
    "sinusoidal_pos_embds": "initial values of the position table, which the weights replace",
    "summary_type": "not used by the supported classifiers",
    "summary_use_proj": "not used by the supported classifiers",
    "summary_activation": "not used by the supported classifiers",
    "summary_last_dropout": "not used by the supported classifiers",
    "qa_dropout": "of a question answering head",
    "decoder_bias": "of a language modeling head",
    "sparse_prediction": "of a language modeling head",
    "sparse_pred_ignore_index": "of a language modeling head",
    "legacy": "of a language modeling head",
    "bos_token_id": "the tokenizer adds special tokens",
    "eos_token_id": "the tokenizer adds special tokens",
    "cls_token_id": "the tokenizer adds special tokens",
    "sep_token_id": "the tokenizer adds special tokens",
    "mask_token_id": "the tokenizer names its mask token",
    "pretraining_tp": "of pretraining on several devices",
    "transformers_version": "not read",
    "name_or_path": "not read",
}
"""Keys that are ignored, and why they have no effect."""

FAMILY_DEFAULTS: Mapping[str, Mapping[str, int]] = {
    "bert": {"max_position_embeddings": 512, "type_vocab_size": 2, "pad_token_id": 0},
    "roberta": {"max_position_embeddings": 512, "type_vocab_size": 2, "pad_token_id": 1},
    "xlm-roberta": {"max_position_embeddings": 512, "type_vocab_size": 2, "pad_token_id": 1},
    "electra": {
        "max_position_embeddings": 512,
        "type_vocab_size": 2,
        "pad_token_id": 0,
        "embedding_size": 128,
    },
    "distilbert": {"max_position_embeddings": 512, "pad_token_id": 0},
    "mpnet": {"max_position_embeddings": 512, "pad_token_id": 1},
    "deberta-v2": {"max_position_embeddings": 512, "pad_token_id": 0},
    "eurobert": {"max_position_embeddings": 8192, "pad_token_id": 128001},
    "modernbert": {"max_position_embeddings": 8192, "pad_token_id": 50283},
}
"""Defaults of each family for keys that checks need and config.json may leave out."""
