from typing import Any

import pytest

from coldpress.architecture import ACTIVATIONS
from coldpress.errors import InputError
from coldpress.onnx.encoder import _ACTIVATIONS
from coldpress.teacher_config import check_config

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


def test_a_sound_configuration_passes() -> None:
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
        ("hidden_act", "silu"),
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
    ],
)
def test_what_could_not_be_exported_is_refused_by_name(field: str, value: object) -> None:
    named = {"num_attention_heads": "heads", "model_type": "family"}.get(field, field)
    with pytest.raises(InputError, match=rf"teacher\.model.*{named}"):
        check_config({**GOOD, field: value}, "teacher.model")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_position_embeddings", 512),
        ("architectures", None),
        ("architectures", ["BertModel"]),
        ("id2label", None),
        ("id2label", {"0": 0, "1": 1}),
    ],
)
def test_what_published_models_have_passes(field: str, value: object) -> None:
    check_config({**GOOD, field: value}, "teacher.model")


# As ModernBERT-base is published, in sizes of ours.
MODERN: dict[str, Any] = {
    "model_type": "modernbert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "vocab_size": 100,
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
def test_published_models_that_turn_by_places_pass(more: dict[str, Any]) -> None:
    check_config({**MODERN, **more}, "teacher.model")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("classifier_pooling", "max", "classifier_pooling 'max' is not one of: cls, mean"),
        ("classifier_activation", "silu", "classifier_activation is 'silu', only 'gelu'"),
        ("hidden_activation", "silu", "hidden_activation 'silu' is not one of"),
        ("num_attention_heads", 32, "num_attention_heads leaves heads of an odd size"),
        ("rope_scaling", {"type": "linear", "factor": 2.0}, "rope_scaling is not of the default"),
        (
            "rope_parameters",
            {
                "full_attention": {"rope_type": "default"},
                "sliding_attention": {"rope_type": "yarn"},
            },
            "rope_parameters is not of the default",
        ),
        ("layer_types", ["full_attention"], "layer_types are not 2 times full_attention or"),
        ("layer_types", ["full_attention", "chunked_attention"], "layer_types are not 2 times"),
        ("first_attention_norm", True, "first_attention_norm is True, only False"),
        ("layer_types", "full_attention", "layer_types are not 2 times"),
    ],
)
def test_what_turns_otherwise_is_refused_by_name(field: str, value: object, named: str) -> None:
    with pytest.raises(InputError, match=f"^teacher.model: {named}"):
        check_config({**MODERN, field: value}, "teacher.model")


def test_every_activation_that_is_let_in_has_an_operator() -> None:
    assert set(ACTIVATIONS) == set(_ACTIVATIONS)
