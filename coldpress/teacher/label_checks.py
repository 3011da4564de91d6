"""Check the labels of a teacher against those of the benchmark."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coldpress.data import hub
from coldpress.errors import InputError
from coldpress.kinds.kind import TaskKind
from coldpress.model.architecture import ARCHITECTURES
from coldpress.model.checkpoint import MANIFEST
from coldpress.model.output_head import CLASS_SUFFIXES, find_output_head
from coldpress.schema.quoting import quote_names
from coldpress.teacher.label_config import label_names
from coldpress.teacher.pretrained import (
    DirectoryModel,
    PretrainedModel,
    find_downloaded,
    read_config,
)
from coldpress.teacher.sentence_teacher import check_sentence_teacher
from coldpress.teacher.spec import ScratchModel, Teacher
from coldpress.teacher.weight_checks import check_head, has_head

# Early versions of Coldpress wrote the class of the pretrained model into config.json.
_BASE_MODEL_SUFFIXES = ("Model", "ForMaskedLM", "ForPreTraining")


def check_teacher_labels(teacher: Teacher, labels: Sequence[str], kind: TaskKind) -> None:
    """Check that a teacher which is not trained predicts the benchmark's targets.

    Args:
        teacher: The recipe's section. If the teacher is trained, only `labels` is checked.
        labels: The benchmark's label names, or names of the outputs.
        kind: The benchmark's task kind.

    Raises:
        InputError: The model has no classification head, or one for another problem type or for
            other labels.
    """
    if kind.head == "sentence":
        check_sentence_teacher(teacher)
        return
    if isinstance(teacher.model, ScratchModel):
        if not teacher.epochs:
            raise InputError("teacher.epochs: 0, but a teacher from scratch must be trained")
        if teacher.labels:
            raise InputError("teacher.labels: a teacher from scratch has no labels of its own")
        return
    config, place = read_config(teacher.model)
    if teacher.labels and not kind.has_labels:
        raise InputError(f"teacher.labels: models of kind {kind.name} have no labels")
    _check_mapping(teacher, label_names(config), labels, place)
    if teacher.epochs:
        return
    _check_problem_type(config, kind, place)
    _check_classifier(teacher.model, config, kind, place)
    if kind.has_labels:
        _check_same_labels(mapped_labels(teacher, config), labels, place)
    else:
        _check_output_count(len(label_names(config)), len(labels), kind, place)


def mapped_labels(teacher: Teacher, config: Mapping[str, Any]) -> tuple[str, ...]:
    """Translate a teacher's label names to those of the benchmark.

    Args:
        teacher: Its `labels` map names in the configuration to the benchmark's names.
        config: The checked content of its config.json.

    Returns:
        One name per logit; names that are not mapped do not change.
    """
    mapping = teacher.labels or {}
    return tuple(mapping.get(name, name) for name in label_names(config))


def _check_mapping(
    teacher: Teacher, teacher_labels: Sequence[str], labels: Sequence[str], place: str
) -> None:
    for name, label in (teacher.labels or {}).items():
        if name not in teacher_labels:
            names = quote_names(teacher_labels)
            raise InputError(f"teacher.labels: {place} has no label {name!r}, only {names}")
        if label not in labels:
            names = quote_names(labels)
            raise InputError(f"teacher.labels: the benchmark has no label {label!r}, only {names}")


def _check_problem_type(config: Mapping[str, Any], kind: TaskKind, place: str) -> None:
    problem = config.get("problem_type")
    if problem not in kind.problem_types:
        expected = next(name for name in kind.problem_types if name is not None)
        found = "missing" if problem is None else repr(problem)
        raise InputError(
            f"teacher.epochs: 0, but problem_type of {place} is {found}, not"
            f" {expected!r}; train it with epochs of at least 1"
        )


def _check_output_count(count: int, needed: int, kind: TaskKind, place: str) -> None:
    if count != needed:
        raise InputError(
            f"teacher.epochs: 0, but {place} has {count} outputs and {kind.name} needs {needed};"
            " train it with epochs of at least 1"
        )


def _check_classifier(
    model: PretrainedModel, config: Mapping[str, Any], kind: TaskKind, place: str
) -> None:
    """Check for the kind's output head: in the weights, or in config.json if they are remote."""
    names = config.get("architectures") or ()
    is_classifier = any(CLASS_SUFFIXES[kind.head] in name for name in names)
    other_heads = [name for name in names if not name.endswith(_BASE_MODEL_SUFFIXES)]
    if not is_classifier and other_heads and not _is_coldpress_checkpoint(model):
        raise InputError(
            f"teacher.epochs: 0, but {place} is not a text classifier: architectures is"
            f" {quote_names(other_heads)}"
        )
    head = find_output_head(ARCHITECTURES[config["model_type"]], kind)
    directory = _local_directory(model)
    if directory is None:
        head_exists = is_classifier or _is_coldpress_checkpoint(model)
    else:
        head_exists = is_classifier or has_head(directory, head, place)
    if not head_exists:
        raise InputError(f"teacher.epochs: 0, but {place} has no classification head")
    if directory is not None:
        labels = len(label_names(config))
        check_head(directory, config, head, labels, f"teacher.epochs: 0, but {place}")


def _local_directory(model: PretrainedModel) -> Path | None:
    """Return the directory of the weights, or None if they have not been downloaded."""
    return model.path if isinstance(model, DirectoryModel) else find_downloaded(model)


def _is_coldpress_checkpoint(model: PretrainedModel) -> bool:
    if isinstance(model, DirectoryModel):
        return (model.path / MANIFEST).exists()
    return MANIFEST in hub.list_files("model", model.id, model.revision, "teacher.model")


def _check_same_labels(names: Sequence[str], labels: Sequence[str], place: str) -> None:
    for name, count in Counter(names).items():
        if count > 1:
            raise InputError(
                f"teacher.epochs: 0, but {count} labels of {place} have the name {name!r};"
                " their names must differ"
            )
    only_teacher = [name for name in names if name not in set(labels)]
    only_benchmark = [name for name in labels if name not in set(names)]
    if only_teacher or only_benchmark:
        raise InputError(
            f"teacher.epochs: 0, but {place} has other labels than the benchmark: only the teacher"
            f" has {quote_names(only_teacher)}; only the benchmark has"
            f" {quote_names(only_benchmark)}; {_remedy(only_teacher, only_benchmark)}"
        )


def _remedy(only_teacher: Sequence[str], only_benchmark: Sequence[str]) -> str:
    if len(only_teacher) != len(only_benchmark):
        return "train the classification head with epochs of at least 1"
    example = f"{json.dumps(only_teacher[0], ensure_ascii=False)}: ..."
    return f"map the names in teacher.labels, as in {{{example}}}"
