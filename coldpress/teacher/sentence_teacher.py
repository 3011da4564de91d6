"""Checks and weights of a teacher whose vectors are learned."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from coldpress.data import hub
from coldpress.errors import InputError
from coldpress.model.sentence_head import DENSE, SentenceHead
from coldpress.schema.text_files import reject_lfs_pointers
from coldpress.teacher.pretrained import TEACHER_FIELD, DirectoryModel, HubModel
from coldpress.teacher.sentence_files import SENTENCE_PATTERNS, SentenceFiles, read_sentence_files
from coldpress.teacher.spec import ScratchModel, Teacher, TeacherModel

if TYPE_CHECKING:
    from torch import nn


def check_sentence_teacher(teacher: Teacher) -> None:
    """Check that a teacher is used as it is, and that its sentence head is supported.

    Args:
        teacher: The recipe's section.

    Raises:
        InputError: The teacher would be trained, has label names, or has other modules than those
            that are supported.
    """
    if teacher.epochs:
        raise InputError(
            f"teacher.epochs: {teacher.epochs}, but texts of kind sentence-embedding have no labels"
            " to train on; set it to 0"
        )
    if teacher.labels:
        raise InputError("teacher.labels: models of kind sentence-embedding have no labels")
    check_sentence_files(teacher.model)


def check_sentence_files(model: TeacherModel, field: str = TEACHER_FIELD) -> None:
    """Check that a model's sentence head is supported.

    Args:
        model: A teacher, or another pretrained model.
        field: The recipe's field that names it.

    Raises:
        InputError: It has other modules than those that are supported.
    """
    files = fetch_sentence_files(model, field)
    if files.dense is not None:
        reject_lfs_pointers([files.dense], field)


def check_dimension(model: TeacherModel, dimension: int, hidden_size: int) -> None:
    """Check that a student's vectors can be a projection of the teacher's.

    Args:
        model: The teacher's model.
        dimension: Length of the student's vectors.
        hidden_size: Width of the teacher.

    Raises:
        InputError: The student's vectors would be longer, or the teacher's come out of an
            activation.
    """
    head = fetch_sentence_files(model).head
    most = head.dimension(hidden_size)
    if dimension > most:
        raise InputError(
            f"distill.student.dimension: {dimension}, but the teacher's vectors have {most}"
        )
    if head.dense is not None and head.dense.activation != "identity":
        raise InputError(
            "distill.student.dimension: the teacher's linear layer ends in"
            f" {head.dense.activation}, which a projection cannot follow; leave the dimension out"
        )


def fetch_sentence_files(model: TeacherModel, field: str = TEACHER_FIELD) -> SentenceFiles:
    """Read a model's sentence head, from the hub if necessary.

    Args:
        model: A teacher, or another pretrained model.
        field: The recipe's field that names it.

    Raises:
        InputError: A file cannot be downloaded or read, or asks for something unsupported.
    """
    if isinstance(model, ScratchModel):
        return SentenceFiles(SentenceHead())
    if isinstance(model, DirectoryModel):
        return read_sentence_files(model.path, f"{field}.path: {model.path}")
    return read_sentence_files(_download(model, field), f"{field}: {model.id}")


def sentence_digest(model: TeacherModel, field: str = TEACHER_FIELD) -> str:
    """Return a sha256 of a model's sentence head, which its other files do not determine."""
    files = fetch_sentence_files(model, field)
    dense = b"" if files.dense is None else files.dense.read_bytes()
    return hashlib.sha256(json.dumps(files.head.to_json()).encode() + dense).hexdigest()


def load_dense(module: nn.Module, path: Path, place: str) -> None:
    """Load the weights of the linear layer after pooling.

    Args:
        module: With a linear layer of the described shape.
        path: The file in sentence-transformers' format, or the weights of a checkpoint.
        place: The teacher's name in error messages.

    Raises:
        InputError: The file's tensors have other names or shapes.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {name.rpartition("."): tensor for name, tensor in load_file(path).items()}
        state = {n: tensor for (p, _, n), tensor in tensors.items() if p in {"linear", DENSE}}
        module.get_submodule(DENSE).load_state_dict(state)
    except (SafetensorError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{place}: {path.parent.name}/{path.name}: {reason}") from error


def _download(model: HubModel, field: str) -> Path:
    return hub.download_snapshot("model", model.id, model.revision, SENTENCE_PATTERNS, field)
