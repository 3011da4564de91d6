"""Where the teacher comes from: the hub, a directory, or sizes to train from scratch."""

from __future__ import annotations

import glob
import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from coldpress.data import hub
from coldpress.errors import InputError
from coldpress.model.weight_headers import WEIGHT_FILES, list_weight_files
from coldpress.schema.section import (
    Epochs,
    FlatChoice,
    LearningRate,
    Optimization,
    Section,
    UserPath,
)
from coldpress.schema.text_files import read_json_object
from coldpress.schema.yaml_loader import unquoted_value_hint
from coldpress.teacher.config_checks import check_config
from coldpress.teacher.file_checks import (
    MODEL_PATTERNS,
    check_directory,
    check_file_names,
    check_tokenizer_file,
    list_model_files,
)


class HubModel(Section):
    """A pretrained encoder on the Hugging Face hub."""

    origin: Literal["hub"]
    id: Annotated[str, Field(min_length=1, description="As in `microsoft/deberta-v3-base`.")]
    revision: Annotated[str, Field(description="Commit, tag or branch.")] = "main"


class DirectoryModel(Section):
    """A pretrained encoder in a local directory, as safetensors."""

    origin: Literal["directory"]
    path: Annotated[
        UserPath, Field(description="Directory with config.json and model.safetensors.")
    ]


class ScratchModel(Section):
    """An encoder with these sizes, random weights and a tokenizer trained on the training split."""

    origin: Literal["scratch"]
    layers: Annotated[int, Field(ge=1, le=48, description="Encoder layers.")] = 4
    hidden_size: Annotated[int, Field(ge=8, le=4096, description="Width of a token.")] = 128
    heads: Annotated[int, Field(ge=1, le=64, description="Must divide the hidden size.")] = 4
    neurons: Annotated[int, Field(ge=8, le=16384, description="Feed-forward width.")] = 512
    vocabulary_size: Annotated[
        int, Field(ge=100, le=200_000, description="Word pieces, at most.")
    ] = 4000


def _coerce_model(value: Any) -> Any:  # noqa: ANN401
    """A plain string is a path if it looks like one or exists, and a hub id otherwise."""
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


def _coerce_label_names(value: Any) -> Any:  # noqa: ANN401
    """Take whole numbers for the names that they are; refuse what YAML made of an unquoted word."""
    if not isinstance(value, dict):
        return value
    for name in (*value, *value.values()):
        if type(name) is not int and not isinstance(name, str):
            raise ValueError(
                f"{name!r} is no name; {unquoted_value_hint(name) or 'names are text'}"
            )
    return {str(name): str(label) for name, label in value.items()}


TeacherModel = Annotated[HubModel | DirectoryModel | ScratchModel, Field(discriminator="origin")]


class Teacher(Optimization):
    """The large model. Zero epochs: it is fine-tuned already and used as it is."""

    model: Annotated[
        TeacherModel,
        BeforeValidator(_coerce_model),
        Field(description="The encoder that it starts from."),
        FlatChoice(),
    ]
    labels: Annotated[
        dict[str, str] | None,
        BeforeValidator(_coerce_label_names),
        Field(description="The benchmark's names for the model's labels, where they differ."),
    ] = None
    epochs: Epochs = 3
    learning_rate: LearningRate = 2e-4


def check_teacher_model(model: TeacherModel) -> None:
    """Check a teacher's source as far as one can without loading it.

    Args:
        model: Hub, directory or sizes.

    Raises:
        InputError: It is no encoder that Coldpress can read.
    """
    if isinstance(model, ScratchModel):
        if model.hidden_size % model.heads:
            raise InputError(
                f"teacher.model.heads: {model.heads} do not divide a hidden size"
                f" of {model.hidden_size}"
            )
    elif isinstance(model, DirectoryModel):
        check_directory(model.path, f"teacher.model.path: {model.path}")
    else:
        _check_hub(model)


def fetch_model(model: HubModel | DirectoryModel) -> Path:
    """Have a pretrained teacher on this disk.

    Args:
        model: From the hub, weights as safetensors only, or a directory as it is.

    Returns:
        The checked directory.

    Raises:
        InputError: It cannot be had, or is no encoder that Coldpress can read.
    """
    if isinstance(model, DirectoryModel):
        check_directory(model.path, f"teacher.model.path: {model.path}")
        return model.path
    place = f"teacher.model: {model.id}"
    directory = hub.download_snapshot(
        "model", model.id, model.revision, MODEL_PATTERNS, "teacher.model"
    )
    if not (directory / WEIGHT_FILES[0]).exists() and (directory / WEIGHT_FILES[1]).exists():
        shards = [glob.escape(name) for name in list_weight_files(directory, place)]
        wanted = (*MODEL_PATTERNS, *shards)
        directory = hub.download_snapshot(
            "model", model.id, model.revision, wanted, "teacher.model"
        )
    check_directory(directory, place)
    return directory


def content_digest(model: TeacherModel) -> str:
    """Name what a teacher starts from, by content.

    Args:
        model: Hub, directory or sizes.

    Returns:
        The hub's commit, or a sha256 in hexadecimal of the files or the sizes.

    Raises:
        InputError: The hub does not know or answer.
    """
    if isinstance(model, HubModel):
        return hub.resolve_commit("model", model.id, model.revision, "teacher.model")
    if isinstance(model, ScratchModel):
        return hashlib.sha256(model.model_dump_json().encode()).hexdigest()
    digests = {}
    for name in list_model_files(model.path, f"teacher.model.path: {model.path}"):
        with (model.path / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def find_downloaded(model: HubModel) -> Path | None:
    """Look for a model of the hub, weights included, on this disk.

    Args:
        model: From the hub.

    Returns:
        Its directory, or None.

    Raises:
        InputError: The hub does not know or answer.
    """
    found = hub.find_cached("model", model.id, _resolve_commit(model), MODEL_PATTERNS)
    complete = found is not None and _has_weights(found, f"teacher.model: {model.id}")
    return found if complete else None


def _resolve_commit(model: HubModel) -> str:
    try:
        return hub.resolve_commit("model", model.id, model.revision, "teacher.model")
    except InputError as error:
        raise InputError(f"{error}; nor is there a directory {model.id!r} here") from error


def _check_hub(model: HubModel) -> None:
    place = f"teacher.model: {model.id}"
    found = find_downloaded(model)
    if found is not None:
        check_directory(found, place)
        return
    sha = _resolve_commit(model)
    check_file_names(hub.list_files("model", model.id, sha, "teacher.model"), place)
    config, _ = read_config(model)
    check_config(config, place)
    fetched = hub.find_cached("model", model.id, sha, ["tokenizer.json"])
    if fetched is not None:
        check_tokenizer_file(fetched, config, place)


def _has_weights(directory: Path, place: str) -> bool:
    """Whether every file of the weights has been downloaded."""
    if not any((directory / name).exists() for name in WEIGHT_FILES):
        return False
    return all((directory / name).exists() for name in list_weight_files(directory, place))


def read_config(model: HubModel | DirectoryModel) -> tuple[dict[str, Any], str]:
    """Read a pretrained teacher's configuration.

    Args:
        model: From the hub, or a directory.

    Returns:
        The content of its config.json, and what to call the model.

    Raises:
        InputError: It cannot be had or read.
    """
    if isinstance(model, DirectoryModel):
        place = f"teacher.model.path: {model.path}"
        return read_json_object(model.path / "config.json", place), str(model.path)
    found = hub.download_snapshot(
        "model", model.id, model.revision, ["config.json"], "teacher.model"
    )
    return read_json_object(found / "config.json", f"teacher.model: {model.id}"), model.id
