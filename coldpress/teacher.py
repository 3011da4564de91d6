"""Where the teacher comes from: the hub, a directory, or sizes to train from scratch."""

from __future__ import annotations

import glob
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from coldpress import hub
from coldpress.errors import InputError
from coldpress.section import (
    Epochs,
    FlatChoice,
    LearningRate,
    Optimization,
    Section,
    WrittenPath,
)
from coldpress.stored_weights import WEIGHTS, weight_files
from coldpress.teacher_config import check_config
from coldpress.teacher_files import (
    CONTENT,
    check_directory,
    check_names,
    check_tokenizer,
    loaded_files,
)
from coldpress.text_files import read_object


class HubModel(Section):
    """A pretrained encoder on the Hugging Face hub."""

    origin: Literal["hub"]
    id: Annotated[str, Field(min_length=1, description="As in `microsoft/deberta-v3-base`.")]
    revision: Annotated[str, Field(description="Commit, tag or branch.")] = "main"


class DirectoryModel(Section):
    """A pretrained encoder in a local directory, as safetensors."""

    origin: Literal["directory"]
    path: Annotated[
        WrittenPath, Field(description="Directory with config.json and model.safetensors.")
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


def _from_string(value: Any) -> Any:  # noqa: ANN401
    """A plain string is a path if it looks like one, and a hub id otherwise."""
    if not isinstance(value, str | Path):
        return value
    text = str(value)
    if text.startswith(("./", "../", "/", "~")) or text.count("/") > 1:
        return {"origin": "directory", "path": text}
    return {"origin": "hub", "id": text}


TeacherModel = Annotated[HubModel | DirectoryModel | ScratchModel, Field(discriminator="origin")]


class Teacher(Optimization):
    """The large model. Zero epochs: it is fine-tuned already and used as it is."""

    model: Annotated[
        TeacherModel,
        BeforeValidator(_from_string),
        Field(description="The encoder that it starts from."),
        FlatChoice(),
    ]
    epochs: Epochs = 3
    learning_rate: LearningRate = 2e-4


def check(model: TeacherModel) -> None:
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


def check_labels(teacher: Teacher, labels: Sequence[str]) -> None:
    """Check that a teacher which is used as it is knows the benchmark's labels.

    Args:
        teacher: Nothing is asked of one with epochs.
        labels: The benchmark's label names.

    Raises:
        InputError: It has no classification head, or one with other label names.
    """
    if teacher.epochs:
        return
    if isinstance(teacher.model, ScratchModel):
        raise InputError("teacher.epochs: 0, but a teacher from scratch has to be trained")
    config, place = configuration(teacher.model)
    if not any("ForSequenceClassification" in name for name in config.get("architectures") or ()):
        raise InputError(f"teacher.epochs: 0, but {place} has no classification head")
    known = set((config.get("id2label") or {}).values())
    if known != set(labels):
        differing = ", ".join(sorted(map(str, known ^ set(labels)))[:6])
        raise InputError(
            f"teacher.epochs: 0, but {place} has other labels than the benchmark: {differing}"
        )


def fetch(model: HubModel | DirectoryModel) -> Path:
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
    directory = hub.snapshot("model", model.id, model.revision, CONTENT, "teacher.model")
    if not (directory / WEIGHTS[0]).exists() and (directory / WEIGHTS[1]).exists():
        shards = [glob.escape(name) for name in weight_files(directory, place)]
        wanted = (*CONTENT, *shards)
        directory = hub.snapshot("model", model.id, model.revision, wanted, "teacher.model")
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
        return hub.commit("model", model.id, model.revision, "teacher.model")
    if isinstance(model, ScratchModel):
        return hashlib.sha256(model.model_dump_json().encode()).hexdigest()
    digests = {}
    for name in loaded_files(model.path, f"teacher.model.path: {model.path}"):
        with (model.path / name).open("rb") as file:
            digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(json.dumps(digests).encode()).hexdigest()


def _check_hub(model: HubModel) -> None:
    place = f"teacher.model: {model.id}"
    sha = hub.commit("model", model.id, model.revision, "teacher.model")
    found = hub.cached("model", model.id, sha, CONTENT)
    if found is not None and _has_weights(found, place):
        check_directory(found, place)
        return
    check_names(hub.files("model", model.id, sha, "teacher.model"), place)
    config, _ = configuration(model)
    check_config(config, place)
    fetched = hub.cached("model", model.id, sha, ["tokenizer.json"])
    if fetched is not None:
        check_tokenizer(fetched, config, place)


def _has_weights(directory: Path, place: str) -> bool:
    """Whether every file of the weights has been downloaded."""
    if not any((directory / name).exists() for name in WEIGHTS):
        return False
    return all((directory / name).exists() for name in weight_files(directory, place))


def configuration(model: HubModel | DirectoryModel) -> tuple[dict[str, Any], str]:
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
        return read_object(model.path / "config.json", place), str(model.path)
    found = hub.snapshot("model", model.id, model.revision, ["config.json"], "teacher.model")
    return read_object(found / "config.json", f"teacher.model: {model.id}"), model.id
