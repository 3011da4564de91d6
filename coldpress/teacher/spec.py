"""The recipe's `teacher` section: a model on the hub, in a directory, or from scratch."""

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


class ScratchModel(Section):
    """An encoder with these sizes, random weights and a tokenizer trained on the training split."""

    origin: Literal["scratch"]
    layers: Annotated[int, Field(ge=1, le=48, description="Encoder layers.")] = 4
    hidden_size: Annotated[
        int, Field(ge=8, le=4096, description="Width of the vectors between layers.")
    ] = 128
    heads: Annotated[
        int,
        Field(ge=1, le=64, description="Attention heads per layer; must divide the hidden size."),
    ] = 4
    neurons: Annotated[
        int, Field(ge=8, le=16384, description="Feed-forward neurons per layer.")
    ] = 512
    vocabulary_size: Annotated[
        int, Field(ge=100, le=200_000, description="Largest number of word pieces.")
    ] = 4000


def _coerce_model(value: Any) -> Any:  # noqa: ANN401
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


def _coerce_label_names(value: Any) -> Any:  # noqa: ANN401
    """Convert whole numbers to text; refuse other values that YAML makes of unquoted words."""
    if not isinstance(value, dict):
        return value
    for name in (*value, *value.values()):
        if type(name) is not int and not isinstance(name, str):
            raise ValueError(
                f"{name!r} is not a name; {unquoted_value_hint(name) or 'names are text'}"
            )
    return {str(name): str(label) for name, label in value.items()}


TeacherModel = Annotated[HubModel | DirectoryModel | ScratchModel, Field(discriminator="origin")]


class Teacher(Optimization):
    """The large model. With zero epochs, a model that is fine-tuned already is used unchanged."""

    model: Annotated[
        TeacherModel,
        BeforeValidator(_coerce_model),
        Field(description="The pretrained encoder, or the sizes of a new one."),
        FlatChoice(),
    ]
    labels: Annotated[
        dict[str, str] | None,
        BeforeValidator(_coerce_label_names),
        Field(description="The benchmark's names of the model's labels, if they differ."),
    ] = None
    epochs: Epochs = 3
    learning_rate: LearningRate = 2e-4


def check_teacher_model(model: TeacherModel) -> None:
    """Check a teacher's model as far as possible without loading or downloading its weights.

    Raises:
        InputError: It is not an encoder that Coldpress supports.
    """
    if isinstance(model, ScratchModel):
        if model.hidden_size % model.heads:
            raise InputError(
                f"teacher.model.heads: {model.heads} does not divide the hidden size"
                f" {model.hidden_size}"
            )
    elif isinstance(model, DirectoryModel):
        check_directory(model.path, f"teacher.model.path: {model.path}")
    else:
        _check_hub(model)


def fetch_model(model: HubModel | DirectoryModel) -> Path:
    """Download a pretrained teacher unless it is on this disk, and check it.

    Returns:
        The checked directory.

    Raises:
        InputError: The model cannot be downloaded, or is not an encoder that Coldpress supports.
    """
    if isinstance(model, DirectoryModel):
        check_directory(model.path, f"teacher.model.path: {model.path}")
        return model.path
    place = f"teacher.model: {model.id}"
    directory = hub.download_snapshot(
        "model", model.id, model.revision, MODEL_PATTERNS, "teacher.model"
    )
    # Shards can be listed only when their index has been downloaded.
    if not (directory / WEIGHT_FILES[0]).exists() and (directory / WEIGHT_FILES[1]).exists():
        shards = [glob.escape(name) for name in list_weight_files(directory, place)]
        patterns = (*MODEL_PATTERNS, *shards)
        directory = hub.download_snapshot(
            "model", model.id, model.revision, patterns, "teacher.model"
        )
    check_directory(directory, place)
    return directory


def content_digest(model: TeacherModel) -> str:
    """Identify a teacher's model by its content.

    Returns:
        The commit on the hub, or a sha256 in hexadecimal of the files or of the sizes.

    Raises:
        InputError: The hub has no such model, or cannot be reached.
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
    """Find the complete local copy of a model on the hub.

    Returns:
        Its directory, or None if a file has not been downloaded.

    Raises:
        InputError: The hub has no such model, or cannot be reached.
    """
    directory = hub.find_cached("model", model.id, _resolve_commit(model), MODEL_PATTERNS)
    if directory is None or not _has_weights(directory, f"teacher.model: {model.id}"):
        return None
    return directory


def _resolve_commit(model: HubModel) -> str:
    try:
        return hub.resolve_commit("model", model.id, model.revision, "teacher.model")
    except InputError as error:
        raise InputError(f"{error}; there is no directory {model.id!r} either") from error


def _check_hub(model: HubModel) -> None:
    place = f"teacher.model: {model.id}"
    directory = find_downloaded(model)
    if directory is not None:
        check_directory(directory, place)
        return
    commit = _resolve_commit(model)
    check_file_names(hub.list_files("model", model.id, commit, "teacher.model"), place)
    config, _ = read_config(model)
    check_config(config, place)
    tokenizer = hub.find_cached("model", model.id, commit, ["tokenizer.json"])
    if tokenizer is not None:
        check_tokenizer_file(tokenizer, config, place)


def _has_weights(directory: Path, place: str) -> bool:
    """True if all weight files have been downloaded."""
    if not any((directory / name).exists() for name in WEIGHT_FILES):
        return False
    return all((directory / name).exists() for name in list_weight_files(directory, place))


def read_config(model: HubModel | DirectoryModel) -> tuple[dict[str, Any], str]:
    """Read a pretrained teacher's configuration.

    Returns:
        The content of its config.json, and the model's name in error messages.

    Raises:
        InputError: The file cannot be downloaded or read.
    """
    if isinstance(model, DirectoryModel):
        place = f"teacher.model.path: {model.path}"
        return read_json_object(model.path / "config.json", place), str(model.path)
    directory = hub.download_snapshot(
        "model", model.id, model.revision, ["config.json"], "teacher.model"
    )
    return read_json_object(directory / "config.json", f"teacher.model: {model.id}"), model.id
