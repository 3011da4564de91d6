"""Pretrained models on the hub or in a directory: their files, checks and digests."""

from __future__ import annotations

import glob
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from coldpress.data import hub
from coldpress.errors import InputError
from coldpress.model.weight_headers import WEIGHT_FILES, list_weight_files
from coldpress.schema.section import Section, UserPath
from coldpress.schema.text_files import read_json_object
from coldpress.teacher.config_checks import check_config
from coldpress.teacher.file_checks import (
    MODEL_PATTERNS,
    TOKENIZER_PATTERNS,
    check_directory,
    check_file_names,
    check_tokenizer_file,
    list_model_files,
)

TEACHER_FIELD = "teacher.model"
"""The field that names the model, for messages; others may name one, too."""


class HubModel(Section):
    """A pretrained encoder on the Hugging Face hub."""

    origin: Literal["hub"]
    id: Annotated[
        str, Field(min_length=1, description="As in `sentence-transformers/all-MiniLM-L6-v2`.")
    ]
    revision: Annotated[str, Field(description="Commit, tag or branch.")] = "main"


class DirectoryModel(Section):
    """A pretrained encoder in a local directory, as safetensors."""

    origin: Literal["directory"]
    path: Annotated[
        UserPath, Field(description="Directory with config.json and model.safetensors.")
    ]


def coerce_model(value: Any) -> Any:  # noqa: ANN401
    """Convert a string: a path if it looks like one or is a directory, otherwise a hub id."""
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    if text.startswith(("./", "../", "/", "~")) or text.count("/") > 1 or _is_directory(text):
        return {"origin": "directory", "path": text}
    return {"origin": "hub", "id": text}


def _is_directory(text: str) -> bool:
    try:
        return bool(text) and Path(text).is_dir()
    except ValueError:  # a null byte
        return False


PretrainedModel = HubModel | DirectoryModel


def check_pretrained(model: PretrainedModel, field: str = TEACHER_FIELD) -> None:
    """Check a model as far as possible without loading or downloading its weights.

    Args:
        model: On the hub or in a directory.
        field: The recipe's field that names it.

    Raises:
        InputError: It is not an encoder that Coldpress supports.
    """
    if isinstance(model, DirectoryModel):
        check_directory(model.path, pretrained_place(model, field))
    else:
        _check_hub(model, field)


def fetch_model(model: PretrainedModel, field: str = TEACHER_FIELD) -> Path:
    """Download a model unless it is on this disk, and check it.

    Args:
        model: On the hub or in a directory.
        field: The recipe's field that names it.

    Returns:
        The checked directory.

    Raises:
        InputError: The model cannot be downloaded, or is not an encoder that Coldpress supports.
    """
    directory = download_model(model, field)
    check_directory(directory, pretrained_place(model, field))
    return directory


def download_model(model: PretrainedModel, field: str = TEACHER_FIELD) -> Path:
    """Download a model unless it is on this disk.

    Args:
        model: On the hub or in a directory.
        field: The recipe's field that names it.

    Returns:
        The directory, not checked.

    Raises:
        InputError: The model cannot be downloaded.
    """
    if isinstance(model, DirectoryModel):
        return model.path
    place = pretrained_place(model, field)
    directory = hub.download_snapshot("model", model.id, model.revision, MODEL_PATTERNS, field)
    # Shards can be listed only when their index has been downloaded.
    if not (directory / WEIGHT_FILES[0]).exists() and (directory / WEIGHT_FILES[1]).exists():
        shards = [glob.escape(name) for name in list_weight_files(directory, place)]
        patterns = (*MODEL_PATTERNS, *shards)
        directory = hub.download_snapshot("model", model.id, model.revision, patterns, field)
    return directory


def fetch_tokenizer(model: PretrainedModel, field: str = TEACHER_FIELD) -> tuple[Path, str]:
    """Download the files of a model's tokenizer unless they are on this disk.

    Args:
        model: On the hub or in a directory.
        field: The recipe's field that names it.

    Returns:
        Their directory, and the model's name in error messages.

    Raises:
        InputError: The files cannot be downloaded.
    """
    place = pretrained_place(model, field)
    if isinstance(model, DirectoryModel):
        return model.path, place
    patterns = TOKENIZER_PATTERNS
    return hub.download_snapshot("model", model.id, model.revision, patterns, field), place


def pretrained_digest(model: PretrainedModel, field: str = TEACHER_FIELD) -> str:
    """Identify a model by its content.

    Args:
        model: On the hub or in a directory.
        field: The recipe's field that names it.

    Returns:
        The commit on the hub, or a sha256 in hexadecimal of the files.

    Raises:
        InputError: The hub has no such model, or cannot be reached.
    """
    if isinstance(model, HubModel):
        return hub.resolve_commit("model", model.id, model.revision, field)
    digests = {}
    for name in list_model_files(model.path, pretrained_place(model, field)):
        with (model.path / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def find_downloaded(model: HubModel, field: str = TEACHER_FIELD) -> Path | None:
    """Find the complete local copy of a model on the hub.

    Args:
        model: On the hub.
        field: The recipe's field that names it.

    Returns:
        Its directory, or None if a file has not been downloaded.

    Raises:
        InputError: The hub has no such model, or cannot be reached.
    """
    directory = hub.find_cached("model", model.id, _resolve_commit(model, field), MODEL_PATTERNS)
    if directory is None or not _has_weights(directory, pretrained_place(model, field)):
        return None
    return directory


def read_config(model: PretrainedModel, field: str = TEACHER_FIELD) -> tuple[dict[str, Any], str]:
    """Read a model's configuration.

    Args:
        model: On the hub or in a directory.
        field: The recipe's field that names it.

    Returns:
        The content of its config.json, and the model's path or id.

    Raises:
        InputError: The file cannot be downloaded or read.
    """
    place = pretrained_place(model, field)
    if isinstance(model, DirectoryModel):
        return read_json_object(model.path / "config.json", place), str(model.path)
    directory = hub.download_snapshot("model", model.id, model.revision, ["config.json"], field)
    return read_json_object(directory / "config.json", place), model.id


def pretrained_place(model: PretrainedModel, field: str = TEACHER_FIELD) -> str:
    """Return a model's name in error messages.

    Args:
        model: On the hub or in a directory.
        field: The recipe's field that names it.
    """
    if isinstance(model, DirectoryModel):
        return f"{field}.path: {model.path}"
    return f"{field}: {model.id}"


def _resolve_commit(model: HubModel, field: str) -> str:
    try:
        return hub.resolve_commit("model", model.id, model.revision, field)
    except InputError as error:
        raise InputError(f"{error}; there is no directory {model.id!r} either") from error


def _check_hub(model: HubModel, field: str) -> None:
    place = pretrained_place(model, field)
    directory = find_downloaded(model, field)
    if directory is not None:
        check_directory(directory, place)
        return
    commit = _resolve_commit(model, field)
    check_file_names(hub.list_files("model", model.id, commit, field), place)
    config, _ = read_config(model, field)
    check_config(config, place)
    tokenizer = hub.find_cached("model", model.id, commit, ["tokenizer.json"])
    if tokenizer is not None:
        check_tokenizer_file(tokenizer, config, place)


def _has_weights(directory: Path, place: str) -> bool:
    """True if all weight files have been downloaded."""
    if not any((directory / name).exists() for name in WEIGHT_FILES):
        return False
    return all((directory / name).exists() for name in list_weight_files(directory, place))
