"""Compare the labels of a teacher with those of the benchmark."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coldpress.data import hub
from coldpress.errors import InputError
from coldpress.schema.quoting import quote_names
from coldpress.teacher.label_config import label_names
from coldpress.teacher.spec import (
    DirectoryModel,
    HubModel,
    ScratchModel,
    Teacher,
    find_downloaded,
    read_config,
)
from coldpress.teacher.weight_checks import check_head, has_head

_CLASSIFIER_CLASS = "ForSequenceClassification"
# Coldpress once kept the name of the model that a teacher had been trained from.
_BASE_MODEL_SUFFIXES = ("Model", "ForMaskedLM", "ForPreTraining")
_MANIFEST = "coldpress.json"


def check_teacher_labels(teacher: Teacher, labels: Sequence[str]) -> None:
    """Check that a teacher which is used as it is knows the benchmark's labels.

    Args:
        teacher: One with epochs needs none; what it says of its labels must be right all the same.
        labels: The benchmark's label names.

    Raises:
        InputError: It has no classification head, one for another problem, or one with other
            label names.
    """
    if isinstance(teacher.model, ScratchModel):
        if not teacher.epochs:
            raise InputError("teacher.epochs: 0, but a teacher from scratch has to be trained")
        if teacher.labels:
            raise InputError("teacher.labels: a teacher from scratch has no labels of its own")
        return
    config, place = read_config(teacher.model)
    _check_mapping(teacher, label_names(config), labels, place)
    if teacher.epochs:
        return
    _check_problem_type(config, place)
    _check_classifier(teacher.model, config, place)
    _check_same_labels(mapped_labels(teacher, config), labels, place)


def mapped_labels(teacher: Teacher, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Name a teacher's labels as the benchmark does.

    Args:
        teacher: Its `labels` map the names of its configuration to the benchmark's.
        config: The checked content of its config.json.

    Returns:
        One name for each logit; what is not mapped keeps its name.
    """
    mapping = teacher.labels or {}
    return tuple(mapping.get(name, name) for name in label_names(config))


def _check_mapping(teacher: Teacher, own: Sequence[str], labels: Sequence[str], place: str) -> None:
    for name, label in (teacher.labels or {}).items():
        if name not in own:
            has = quote_names(own)
            raise InputError(f"teacher.labels: {place} has no label {name!r}, only {has}")
        if label not in labels:
            has = quote_names(labels)
            raise InputError(f"teacher.labels: the benchmark has no label {label!r}, only {has}")


def _check_problem_type(config: Mapping[str, Any], place: str) -> None:
    problem = config.get("problem_type")
    if problem not in (None, "single_label_classification"):
        raise InputError(
            f"teacher.epochs: 0, but problem_type of {place} is {problem!r}, and its scores are"
            " not those of one label a text; train it with epochs of at least 1"
        )


def _check_classifier(
    model: HubModel | DirectoryModel, config: Mapping[str, Any], place: str
) -> None:
    """Check that there is a head: by its weights, or where they are elsewhere by what is said."""
    names = config.get("architectures") or ()
    named = any(_CLASSIFIER_CLASS in name for name in names)
    other = [name for name in names if not name.endswith(_BASE_MODEL_SUFFIXES)]
    if not named and other and not _is_coldpress_checkpoint(model):
        raise InputError(
            f"teacher.epochs: 0, but {place} is no text classifier: architectures is"
            f" {quote_names(other)}"
        )
    directory = _local_directory(model)
    if directory is None:
        there = named or _is_coldpress_checkpoint(model)
    else:
        there = named or has_head(directory, config, place)
    if not there:
        raise InputError(f"teacher.epochs: 0, but {place} has no classification head")
    if directory is not None:
        check_head(directory, config, len(label_names(config)), f"teacher.epochs: 0, but {place}")


def _local_directory(model: HubModel | DirectoryModel) -> Path | None:
    """Where the weights are on this disk, if they are."""
    return model.path if isinstance(model, DirectoryModel) else find_downloaded(model)


def _is_coldpress_checkpoint(model: HubModel | DirectoryModel) -> bool:
    if isinstance(model, DirectoryModel):
        return (model.path / _MANIFEST).exists()
    return _MANIFEST in hub.list_files("model", model.id, model.revision, "teacher.model")


def _check_same_labels(names: Sequence[str], labels: Sequence[str], place: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(
                f"teacher.epochs: 0, but {count} labels of {place} have the name {name!r};"
                " their names must differ"
            )
    theirs = [name for name in names if name not in set(labels)]
    ours = [name for name in labels if name not in set(names)]
    if theirs or ours:
        raise InputError(
            f"teacher.epochs: 0, but {place} has other labels than the benchmark: only the teacher"
            f" has {quote_names(theirs)}; only the benchmark has {quote_names(ours)};"
            f" {_remedy(theirs, ours)}"
        )


def _remedy(theirs: Sequence[str], ours: Sequence[str]) -> str:
    if len(theirs) != len(ours):
        return "train its head with epochs of at least 1"
    example = f"{json.dumps(theirs[0], ensure_ascii=False)}: ..."
    return f"say which is which in teacher.labels, as in {{{example}}}"
