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


def test_every_activation_that_is_let_in_has_an_operator() -> None:
    assert set(ACTIVATIONS) == set(_ACTIVATIONS)
