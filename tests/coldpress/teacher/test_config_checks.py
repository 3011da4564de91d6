import re
from typing import Any

import pytest

from coldpress.errors import InputError
from coldpress.model.architecture import ACTIVATION_FUNCTIONS
from coldpress.onnx.graph.encoder import _ACTIVATIONS
from coldpress.teacher.config_checks import check_config, effective_config
from tests.support.acceptance import does_not_raise

GOOD: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 100,
    "hidden_act": "gelu",
    "id2label": {"0": "calm", "1": "warm"},
}


def test_a_valid_configuration_passes() -> None:
    with does_not_raise():
        check_config(GOOD, "teacher.model")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("hidden_size", "x"),
        ("hidden_size", None),
        ("vocab_size", 0),
        ("num_hidden_layers", True),
        ("num_attention_heads", 5),
        ("max_position_embeddings", None),
        ("hidden_act", "mish"),
        ("hidden_act", ["gelu"]),
        ("model_type", ["bert"]),
        ("architectures", "BertModel"),
        ("architectures", [1]),
        ("is_decoder", True),
        ("add_cross_attention", True),
        ("position_embedding_type", "relative_key"),
        ("id2label", ["calm", "warm"]),
        ("id2label", {"1": "calm", "2": "warm"}),
        ("id2label", {"0": "calm", "1": ["warm"]}),
        ("id2label", {"0": "calm", "1": None}),
        ("num_labels", 3),
        ("num_labels", "2"),
        ("num_labels", 10**9),
        ("type_vocab_size", 10**30),
        ("is_encoder_decoder", True),
        ("quantization_config", {"quant_method": "bitsandbytes", "load_in_8bit": True}),
        ("compression_config", {"format": "int-quantized"}),
        ("pruned_heads", {"0": [1]}),
        ("per_layer_config", {"0": {"intermediate_size": 8}}),
        ("transformers_weights", "other.safetensors"),
        ("configuration_files", ["config.4.0.0.json"]),
        ("auto_map", {"AutoModel": "modeling.MyModel"}),
        ("layer_norm_eps", "1e-12"),
        ("layer_norm_eps", float("nan")),
        ("initializer_range", -0.1),
        ("initializer_range", None),
        ("hidden_dropout_prob", 1.5),
        ("hidden_dropout_prob", "0.1"),
        ("type_vocab_size", 0),
        ("pad_token_id", 100),
        ("pad_token_id", -1),
        ("pad_token_id", True),
        ("pad_token_id", [0]),
    ],
)
def test_unsupported_values_are_refused(field: str, value: object) -> None:
    message = {"num_attention_heads": "heads", "model_type": "family"}.get(field, field)
    with pytest.raises(InputError, match=rf"teacher\.model.*{message}"):
        check_config({**GOOD, field: value}, "teacher.model")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_position_embeddings", 512),
        ("architectures", None),
        ("architectures", ["BertModel"]),
        ("id2label", None),
        ("id2label", {"0": 0, "1": 1}),
        ("id2label", {"0": "calm", "1": "calm"}),
        ("num_labels", 2),
        ("num_labels", None),
        ("classifier_dropout", None),
        ("pad_token_id", None),
        ("quantization_config", None),
        ("pruned_heads", {}),
        ("return_dict", False),
        ("chunk_size_feed_forward", 5),
        ("torch_dtype", "float16"),
        ("layer_norm_eps", 0),
        ("of_another_program", {"a": 1}),
    ],
)
def test_values_of_published_models_pass(field: str, value: object) -> None:
    with does_not_raise():
        check_config({**GOOD, field: value}, "teacher.model")


def test_a_roberta_counts_its_positions_from_a_padding_id() -> None:
    roberta = {**GOOD, "model_type": "roberta"}
    check_config(roberta, "teacher.model")
    with pytest.raises(InputError, match=r"^teacher.model: pad_token_id is None, not an id below"):
        check_config({**roberta, "pad_token_id": None}, "teacher.model")
    with pytest.raises(InputError, match=r"max_position_embeddings is 2: no room for a token$"):
        check_config({**roberta, "max_position_embeddings": 2}, "teacher.model")


def test_the_default_padding_id_must_be_in_the_token_table() -> None:
    with pytest.raises(InputError, match=r"pad_token_id is 50283, not an id below vocab_size 100$"):
        check_config({k: v for k, v in MODERN.items() if k != "pad_token_id"}, "teacher.model")


def test_only_effective_keys_are_used() -> None:
    noise = {"return_dict": False, "chunk_size_feed_forward": 5, "dtype": "int8", "mine": 1}
    names = {"id2label": {0: "calm", 1: "warm"}}
    assert effective_config({**GOOD, **noise, "layer_norm_eps": 0, "classifier_dropout": None}) == {
        **{name: GOOD[name] for name in GOOD if name != "model_type"},
        **names,
        "layer_norm_eps": 0.0,
    }
    assert isinstance(effective_config({**GOOD, "layer_norm_eps": 0})["layer_norm_eps"], float)


DISTIL: dict[str, Any] = {
    "model_type": "distilbert",
    "dim": 32,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 64,
    "vocab_size": 100,
}


def test_two_names_of_one_size_must_have_equal_values() -> None:
    config = {**DISTIL, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    check_config(config, "teacher.model")
    assert effective_config(config).keys() == effective_config(DISTIL).keys()
    for alias, name in (("hidden_size", "dim"), ("num_hidden_layers", "n_layers")):
        message = rf"^teacher.model: {alias} is 7, but {name} is \d+; remove {alias}$"
        with pytest.raises(InputError, match=message):
            check_config({**config, alias: 7}, "teacher.model")


# The published configuration of MPNet-base, with smaller sizes.
MPNET: dict[str, Any] = {
    "model_type": "mpnet",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 100,
    "pad_token_id": 1,
    "max_position_embeddings": 514,
    "relative_attention_num_buckets": 32,
}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("pad_token_id", 0, "pad_token_id is 0, only 1 is supported by mpnet"),
        (
            "relative_attention_num_buckets",
            64,
            "relative_attention_num_buckets is 64, only 32 is supported: the family sorts"
            " distances into 32 buckets",
        ),
        ("relative_attention_heads", 4, "relative_attention_heads is set, which is not supported"),
    ],
)
def test_what_mpnet_does_not_compute_is_refused(key: str, value: int, message: str) -> None:
    check_config(MPNET, "teacher.model")
    with pytest.raises(InputError, match=re.escape(f"teacher.model: {message}")):
        check_config({**MPNET, key: value}, "teacher.model")


# The published configuration of ModernBERT-base, with smaller sizes.
MODERN: dict[str, Any] = {
    "model_type": "modernbert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 100,
    "pad_token_id": 0,
    "hidden_activation": "gelu",
    "classifier_activation": "gelu",
    "classifier_pooling": "mean",
    "global_attn_every_n_layers": 3,
    "global_rope_theta": 160000.0,
    "local_attention": 128,
    "local_rope_theta": 10000.0,
    "position_embedding_type": "absolute",
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"rope_scaling": None, "layer_types": ["full_attention", "sliding_attention"]},
        {"rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 1e4}}},
    ],
)
def test_published_rotary_models_pass(more: dict[str, Any]) -> None:
    with does_not_raise():
        check_config({**MODERN, **more}, "teacher.model")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("classifier_pooling", "max", "classifier_pooling 'max' is not one of: cls, mean"),
        ("classifier_activation", "silu", "classifier_activation is 'silu', only 'gelu'"),
        ("hidden_activation", "mish", "hidden_activation 'mish' is not one of"),
        ("num_attention_heads", 32, "num_attention_heads makes the head size odd"),
        ("rope_scaling", {"type": "linear", "factor": 2.0}, "rope_scaling is not of the default"),
        (
            "rope_parameters",
            {
                "full_attention": {"rope_type": "default"},
                "sliding_attention": {"rope_type": "yarn"},
            },
            "rope_parameters is not of the default",
        ),
        ("rope_scaling", True, "rope_scaling is True, not a mapping"),
        (
            "rope_scaling",
            {"rope_theta": -1.0},
            "rope_theta in rope_scaling is -1.0, not a positive",
        ),
        ("rope_parameters", [], "rope_parameters is not a mapping from full_attention and sliding"),
        ("rope_parameters", {"mine": {}}, "rope_parameters is not a mapping from full_attention"),
        ("rope_parameters", {"full_attention": 1}, "rope_parameters is 1, not a mapping"),
        ("local_rope_theta", 0, "local_rope_theta is 0, not a positive number"),
        ("local_attention", 10**30, "local_attention is 10+, not a positive whole number"),
        ("layer_types", [["full_attention"]] * 2, "layer_types is not 2 times"),
        ("layer_types", ["full_attention"], "layer_types is not 2 times full_attention or"),
        ("layer_types", ["full_attention", "chunked_attention"], "layer_types is not 2 times"),
        ("embedding_rank", 8, "embedding_rank is set, which is not supported"),
        ("first_attention_norm", True, "first_attention_norm is True, only False"),
        ("layer_types", "full_attention", "layer_types is not 2 times"),
    ],
)
def test_unsupported_rotary_settings_are_refused(field: str, value: object, message: str) -> None:
    with pytest.raises(InputError, match=f"^teacher.model: {message}"):
        check_config({**MODERN, field: value}, "teacher.model")


# The published configuration of EuroBERT-210m, with smaller sizes.
EURO: dict[str, Any] = {
    "model_type": "eurobert",
    "auto_map": {"AutoModel": "modeling_eurobert.EuroBertModel"},
    "attention_bias": False,
    "attention_dropout": 0.0,
    "bos_token_id": 96,
    "clf_pooling": "late",
    "eos_token_id": 97,
    "head_dim": 8,
    "hidden_act": "silu",
    "hidden_size": 32,
    "intermediate_size": 64,
    "mask_token_id": 98,
    "max_position_embeddings": 8192,
    "mlp_bias": False,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "num_key_value_heads": 2,
    "pad_token_id": 97,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "rope_theta": 250000,
    "tie_word_embeddings": False,
    "use_cache": False,
    "vocab_size": 100,
}


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"classifier_pooling": "bos"},
        {"num_key_value_heads": None, "head_dim": None},
        {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}},
    ],
)
def test_published_models_with_shared_heads_pass(more: dict[str, Any]) -> None:
    with does_not_raise():
        check_config({**EURO, **more}, "teacher.model")


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("num_key_value_heads", 3, "num_key_value_heads is 3, no divisor of 4"),
        ("num_key_value_heads", 0, "num_key_value_heads is 0, no divisor of 4"),
        ("num_key_value_heads", [2], r"num_key_value_heads is \[2\], no divisor of 4"),
        ("head_dim", 16, "head_dim is 16, only 8 is supported"),
        ("num_attention_heads", 32, "num_key_value_heads is 2|head_dim is 8, only 1 is supported"),
        ("classifier_pooling", "cls", "classifier_pooling 'cls' is not one of: late, bos, mean"),
        ("classifier_pooling", [], r"classifier_pooling \[\] is not one of: late, bos, mean"),
        ("hidden_act", "mish", "hidden_act 'mish' is not one of"),
        ("is_decoder", True, "is_decoder is True, only False is supported"),
        ("rope_theta", -1, "rope_theta is -1, not a positive number"),
        ("rope_theta", "far", "rope_theta is 'far', not a positive number"),
        ("rope_scaling", {"type": "linear", "factor": 2.0}, "rope_scaling is not of the default"),
        ("rope_scaling", {"factor": 2.0}, "factor in rope_scaling is not supported"),
        ("rope_parameters", {"rope_type": "yarn"}, "rope_parameters is not of the default type"),
        ("rope_parameters", {"full_attention": {}}, "full_attention in rope_parameters is not"),
        ("rope_parameters", 7, "rope_parameters is 7, not a mapping"),
        ("sliding_window", 128, "sliding_window is set, which is not supported: every layer"),
        ("layer_types", ["sliding_attention"] * 2, "layer_types is set, which is not supported"),
        ("rms_norm_eps", -1, "rms_norm_eps is -1, not a number that is not negative"),
    ],
)
def test_unsupported_settings_of_shared_heads_are_refused(
    field: str, value: object, message: str
) -> None:
    with pytest.raises(InputError, match=f"^teacher.model: ({message})"):
        check_config({**EURO, field: value}, "teacher.model")


def test_code_that_transformers_has_not_adopted_is_refused() -> None:
    with pytest.raises(InputError, match="auto_map is set, which is not supported"):
        check_config({**MODERN, "auto_map": EURO["auto_map"]}, "teacher.model")


def test_every_supported_activation_can_be_exported() -> None:
    assert set(ACTIVATION_FUNCTIONS) == set(_ACTIVATIONS)
