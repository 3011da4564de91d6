"""What the keys of a teacher's config.json mean to Coldpress: tables, not code.

Only the keys of `LOADED` reach transformers. A key in none of the tables changes nothing that a
classifier of one of the families computes, and is left out too.
"""

from __future__ import annotations

from collections.abc import Mapping

from coldpress.model.architecture import FIRST_NORM

COUNT = "a positive whole number"
NUMBER = "a number that is not negative"
POSITIVE = "a positive number"
RATE = "a number from 0 to 1"
FLAG = "true or false"
TEXT = "text"
ANY = "checked by itself"

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
    "intermediate_size": COUNT,
    "hidden_dim": COUNT,
    "max_position_embeddings": COUNT,
    "type_vocab_size": COUNT,
    "local_attention": COUNT,
    "global_attn_every_n_layers": COUNT,
    # what is computed
    "hidden_act": TEXT,
    "activation": TEXT,
    "hidden_activation": TEXT,
    "classifier_activation": TEXT,
    "classifier_pooling": TEXT,
    "layer_norm_eps": NUMBER,
    "norm_eps": NUMBER,
    "norm_bias": FLAG,
    "attention_bias": FLAG,
    "mlp_bias": FLAG,
    "classifier_bias": FLAG,
    "global_rope_theta": POSITIVE,
    "local_rope_theta": POSITIVE,
    "layer_types": ANY,
    "rope_parameters": ANY,
    "rope_scaling": ANY,
    "pad_token_id": ANY,
    "id2label": ANY,
    "num_labels": COUNT,
    # how it is trained
    "hidden_dropout_prob": RATE,
    "attention_probs_dropout_prob": RATE,
    "classifier_dropout": RATE,
    "dropout": RATE,
    "attention_dropout": RATE,
    "seq_classif_dropout": RATE,
    "embedding_dropout": RATE,
    "mlp_dropout": RATE,
    "initializer_range": NUMBER,
    "initializer_cutoff_factor": NUMBER,
}
"""Keys that a teacher is built with, and what their values must be."""

KEY_ALIASES: Mapping[str, str] = {
    "hidden_size": "dim",
    "num_hidden_layers": "n_layers",
    "num_attention_heads": "n_heads",
}
"""Keys that DistilBERT takes for its own of another name."""

NULLABLE_KEYS = ("classifier_dropout", "num_labels")
"""Keys whose null is the same as leaving them out."""

REQUIRED_VALUES: Mapping[str, tuple[object, str]] = {
    "is_decoder": (False, "an exported graph attends both ways"),
    "add_cross_attention": (False, "an exported graph reads one sequence"),
    "is_encoder_decoder": (False, "an exported graph is an encoder"),
    "position_embedding_type": ("absolute", "an exported graph adds absolute positions"),
    FIRST_NORM: (False, "the family's first layer is built without it"),
    "quantization_config": (None, "weights are read as floating-point numbers"),
    "compression_config": (None, "weights are read as floating-point numbers"),
    "pruned_heads": (None, "transformers 5 builds every layer with all of its heads"),
    "per_layer_config": (None, "every layer is built with the same sizes"),
    "fusion_config": (None, "the modules are those of the family"),
    "transformers_weights": (None, "weights are read from model.safetensors or its index"),
    "configuration_files": (None, "config.json is the configuration"),
    "auto_map": (None, "a model's own code is never run"),
}
"""Keys whose other values change what a model computes or how its weights are stored, the only
value that is supported, and why."""

IGNORED_KEYS: Mapping[str, str] = {
    "architectures": "names the head; checked where a head is used as it is",
    "model_type": "chooses the family",
    "attribute_map": "chosen by the family",
    "label2id": "follows from id2label",
    "problem_type": "the loss is Coldpress's; checked where a head is used as it is",
    "dtype": "weights become float32, whatever their precision",
    "torch_dtype": "the old name of dtype",
    "torchscript": "outputs are read by name",
    "return_dict": "outputs are read by name",
    "output_attentions": "asked for in a call where needed",
    "output_hidden_states": "asked for in a call where needed",
    "tie_last_hidden_states": "hidden states are those of the layers",
    "chunk_size_feed_forward": "saves memory; the result is the same",
    "use_cache": "an encoder has none",
    "gradient_checkpointing": "saves memory; the result is the same",
    "tie_word_embeddings": "a classifier has no output embeddings",
    "attn_implementation": "attention is computed as it is exported",
    "experts_implementation": "no family has experts",
    "deterministic_flash_attn": "attention is computed as it is exported",
    "reference_compile": "nothing is compiled",
    "repad_logits_with_grad": "nothing is unpadded",
    "sinusoidal_pos_embds": "the first values of the position table, which the weights replace",
    "summary_type": "no classifier of a family reads it",
    "summary_use_proj": "no classifier of a family reads it",
    "summary_activation": "no classifier of a family reads it",
    "summary_last_dropout": "no classifier of a family reads it",
    "qa_dropout": "of a head that answers questions",
    "decoder_bias": "of a head that predicts words",
    "sparse_prediction": "of a head that predicts words",
    "sparse_pred_ignore_index": "of a head that predicts words",
    "bos_token_id": "the tokenizer adds special tokens",
    "eos_token_id": "the tokenizer adds special tokens",
    "cls_token_id": "the tokenizer adds special tokens",
    "sep_token_id": "the tokenizer adds special tokens",
    "transformers_version": "not read",
    "name_or_path": "not read",
}
"""Keys that are left out, and why that changes nothing."""

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
    "modernbert": {"max_position_embeddings": 8192, "pad_token_id": 50283},
}
"""What a family takes for a key that config.json leaves out, where a check needs it."""
