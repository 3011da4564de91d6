"""Files of sentence-transformers: how a teacher makes one vector of its token vectors.

`modules.json` lists the modules in order: the encoder, a pooling, then perhaps a linear layer and a
normalization. Anything else is refused, since the student's vectors would differ from those that
sentence-transformers computes.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coldpress.errors import InputError
from coldpress.model.sentence_head import (
    CONFIG_KEY,
    Dense,
    DenseActivation,
    Pooling,
    SentenceHead,
)
from coldpress.schema.text_files import read_json_object, read_text

MODULES = "modules.json"
SENTENCE_PATTERNS = (
    MODULES,
    "*/config.json",
    "*/model.safetensors",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
)
"""Files that a sentence head is read from."""

_MODES: Mapping[str, Pooling] = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len",
}
_ACTIVATIONS: Mapping[str, DenseActivation] = {"Identity": "identity", "Tanh": "tanh"}
_ORDERS = (
    ["Transformer", "Pooling"],
    ["Transformer", "Pooling", "Normalize"],
    ["Transformer", "Pooling", "Dense"],
    ["Transformer", "Pooling", "Dense", "Normalize"],
)
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SentenceFiles:
    """A teacher's sentence head.

    Attributes:
        head: Its description.
        dense: File with the weights of its linear layer; None without one.
    """

    head: SentenceHead
    dense: Path | None = None


def read_sentence_files(directory: Path, place: str) -> SentenceFiles:
    """Read the sentence head of a model's directory.

    Args:
        directory: Of the model.
        place: The model's name in error messages.

    Returns:
        For a plain encoder, the mean of its token vectors, normalized; this is logged. For a
        checkpoint of Coldpress, the head in its configuration.

    Raises:
        InputError: A file is invalid, or asks for more than one vector is made of here.
    """
    if not (directory / MODULES).exists():
        config = _read_optional(directory / "config.json", place)
        if CONFIG_KEY in config:
            return _own_files(SentenceHead.from_json(config[CONFIG_KEY]), directory)
        _logger.info("%s has no %s: mean of the token vectors, normalized", place, MODULES)
        return SentenceFiles(SentenceHead())
    modules = _read_modules(directory, place)
    _check_settings(directory, place, normalizes="Normalize" in modules)
    pooling = _read_pooling(directory / modules["Pooling"], place)
    if "Dense" not in modules:
        return SentenceFiles(SentenceHead(pooling, None, "Normalize" in modules))
    folder = directory / modules["Dense"]
    head = SentenceHead(pooling, _read_dense(folder, place), "Normalize" in modules)
    if not (folder / "model.safetensors").exists():
        raise InputError(f"{place}: {folder.name} has no model.safetensors")
    return SentenceFiles(head, folder / "model.safetensors")


def _own_files(head: SentenceHead, directory: Path) -> SentenceFiles:
    """Return the files of a Coldpress checkpoint, which has all weights in one file."""
    return SentenceFiles(head, None if head.dense is None else directory / "model.safetensors")


def _read_modules(directory: Path, place: str) -> dict[str, str]:
    """Return the folder of each module by its class."""
    try:
        modules = json.loads(read_text(directory / MODULES, place))
        names = [str(module["type"]).rpartition(".")[2] for module in modules]
        folders = [str(module["path"]) for module in modules]
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise InputError(f"{place}: {MODULES} is not a list of modules") from error
    if names not in _ORDERS:
        raise InputError(
            f"{place}: {MODULES} lists {' > '.join(names) or 'nothing'}; supported is Transformer >"
            " Pooling, then optionally Dense and Normalize"
        )
    if folders[0]:
        raise InputError(
            f"{place}: its encoder is in the folder {folders[0]!r}, not beside {MODULES}"
        )
    return dict(zip(names, folders, strict=True))


def _check_settings(directory: Path, place: str, normalizes: bool) -> None:
    """Refuse settings that change the texts, or that compare vectors in another way."""
    model = _read_optional(directory / "config_sentence_transformers.json", place)
    encoder = _read_optional(directory / "sentence_bert_config.json", place)
    if model.get("default_prompt_name") is not None:
        raise InputError(
            f"{place}: default_prompt_name is {model['default_prompt_name']!r}; prompts are not"
            " supported: write them into the texts"
        )
    similarity = model.get("similarity_fn_name") or "cosine"
    if similarity != "cosine" and not (similarity == "dot" and normalizes):
        raise InputError(
            f"{place}: similarity_fn_name is {similarity!r}; vectors are compared by cosine"
        )
    if encoder.get("do_lower_case"):
        raise InputError(
            f"{place}: do_lower_case in sentence_bert_config.json is not supported; set"
            " do_lower_case of the tokenizer"
        )


def _read_optional(path: Path, place: str) -> dict[str, Any]:
    return read_json_object(path, place) if path.exists() else {}


def _read_pooling(folder: Path, place: str) -> Pooling:
    content = read_json_object(folder / "config.json", f"{place}: {folder.name}")
    flags = [key for key in content if key.startswith("pooling_mode_") and content[key]]
    named = [f"pooling_mode_{content['pooling_mode']}_tokens"] if "pooling_mode" in content else []
    modes = ["pooling_mode_cls_token" if m == "pooling_mode_cls_tokens" else m for m in named]
    modes += [flag for flag in flags if flag not in modes]
    if len(modes) != 1 or modes[0] not in _MODES:
        raise InputError(
            f"{place}: {folder.name} has the pooling {_join(modes)}; supported is one of"
            f" {_join(list(_MODES))}"
        )
    return _MODES[modes[0]]


def _read_dense(folder: Path, place: str) -> Dense:
    location = f"{place}: {folder.name}"
    content = read_json_object(folder / "config.json", location)
    width = content.get("out_features")
    if type(width) is not int or width < 1:
        raise InputError(f"{location}: out_features is {width!r}, not a positive whole number")
    activation = str(content.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in _ACTIVATIONS:
        raise InputError(
            f"{location}: activation_function is {activation}; supported: {_join(_ACTIVATIONS)}"
        )
    return Dense(width, bool(content.get("bias", True)), _ACTIVATIONS[activation])


def _join(names: Sequence[str] | Mapping[str, object]) -> str:
    return ", ".join(names) or "none"
