from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from coldpress.errors import InputError
from coldpress.model.sentence_head import Dense, SentenceHead
from coldpress.teacher.sentence_files import read_sentence_files

MEAN = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}


def write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content))


def write_modules(directory: Path, *names: str) -> None:
    """Write modules.json as sentence-transformers does: `Dense` is in the folder `2_Dense`."""
    modules = [
        {
            "idx": number,
            "name": str(number),
            "path": f"{number}_{name}" if number else "",
            "type": f"sentence_transformers.models.{name}",
        }
        for number, name in enumerate(names)
    ]
    write_json(directory / "modules.json", modules)


def error_message(directory: Path) -> str:
    with pytest.raises(InputError) as error:
        read_sentence_files(directory, "teacher")
    message = str(error.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("flag", "pooling"),
    [
        ("pooling_mode_cls_token", "cls"),
        ("pooling_mode_mean_tokens", "mean"),
        ("pooling_mode_max_tokens", "max"),
        ("pooling_mode_mean_sqrt_len_tokens", "mean_sqrt_len"),
    ],
)
def test_the_pooling_is_read(tmp_path: Path, flag: str, pooling: Any) -> None:  # noqa: ANN401
    write_modules(tmp_path, "Transformer", "Pooling")
    write_json(tmp_path / "1_Pooling" / "config.json", {"word_embedding_dimension": 8, flag: True})
    assert read_sentence_files(tmp_path, "teacher").head == SentenceHead(pooling, None, False)


def test_the_pooling_of_newer_files_is_a_name(tmp_path: Path) -> None:
    write_modules(tmp_path, "Transformer", "Pooling", "Normalize")
    write_json(tmp_path / "1_Pooling" / "config.json", {"pooling_mode": "cls"})
    assert read_sentence_files(tmp_path, "teacher").head == SentenceHead("cls", None, True)


def test_a_linear_layer_and_a_normalization_are_read(tmp_path: Path) -> None:
    write_modules(tmp_path, "Transformer", "Pooling", "Dense", "Normalize")
    write_json(tmp_path / "1_Pooling" / "config.json", MEAN)
    activation = "torch.nn.modules.activation.Tanh"
    dense = {"in_features": 8, "out_features": 4, "bias": True, "activation_function": activation}
    write_json(tmp_path / "2_Dense" / "config.json", dense)
    assert error_message(tmp_path) == "teacher: 2_Dense has no model.safetensors"
    (tmp_path / "2_Dense" / "model.safetensors").touch()
    files = read_sentence_files(tmp_path, "teacher")
    assert files.head == SentenceHead("mean", Dense(4, True, "tanh"), True)
    assert files.dense == tmp_path / "2_Dense" / "model.safetensors"


def test_a_plain_encoder_gets_a_normalized_mean(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        files = read_sentence_files(tmp_path, "teacher.model: bert")
    assert files.head == SentenceHead("mean", None, True)
    assert caplog.messages == [
        "teacher.model: bert has no modules.json: mean of the token vectors, normalized"
    ]


@pytest.mark.parametrize(
    ("names", "listed"),
    [
        (("Transformer", "WordWeights", "Pooling"), "Transformer > WordWeights > Pooling"),
        (("Transformer", "Pooling", "Normalize", "Dense"), "Pooling > Normalize > Dense"),
        ((), "lists nothing"),
    ],
)
def test_other_modules_are_refused(tmp_path: Path, names: tuple[str, ...], listed: str) -> None:
    write_modules(tmp_path, *names)
    assert listed in error_message(tmp_path)


@pytest.mark.parametrize(
    ("pooling", "message"),
    [
        ({"pooling_mode_lasttoken": True}, "has the pooling pooling_mode_lasttoken; supported is"),
        ({**MEAN, "pooling_mode_cls_token": True}, "pooling_mode_cls_token, pooling_mode_mean"),
        ({}, "has the pooling none; supported is one of pooling_mode_cls_token"),
        ({"pooling_mode": "weightedmean"}, "pooling_mode_weightedmean_tokens; supported"),
    ],
)
def test_other_poolings_are_refused(tmp_path: Path, pooling: dict[str, Any], message: str) -> None:
    write_modules(tmp_path, "Transformer", "Pooling")
    write_json(tmp_path / "1_Pooling" / "config.json", pooling)
    assert message in error_message(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config_sentence_transformers", {"default_prompt_name": "query"}, "write them into"),
        ("config_sentence_transformers", {"similarity_fn_name": "dot"}, "compared by cosine"),
        ("sentence_bert_config", {"do_lower_case": True}, "do_lower_case"),
    ],
)
def test_settings_that_change_texts_or_similarities_are_refused(
    tmp_path: Path, name: str, content: dict[str, Any], message: str
) -> None:
    write_modules(tmp_path, "Transformer", "Pooling")
    write_json(tmp_path / "1_Pooling" / "config.json", MEAN)
    write_json(tmp_path / f"{name}.json", content)
    assert message in error_message(tmp_path)


def test_the_dot_product_of_normalized_vectors_is_their_cosine(tmp_path: Path) -> None:
    write_modules(tmp_path, "Transformer", "Pooling", "Normalize")
    write_json(tmp_path / "1_Pooling" / "config.json", MEAN)
    write_json(tmp_path / "config_sentence_transformers.json", {"similarity_fn_name": "dot"})
    assert read_sentence_files(tmp_path, "teacher").head.normalize
