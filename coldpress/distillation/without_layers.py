"""Distillation into a student without layers: what `static` and `convolution` have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from coldpress.errors import InputError

if TYPE_CHECKING:
    from coldpress.distillation.convolution.method import Convolution
    from coldpress.distillation.method import DistillationContext
    from coldpress.distillation.static.method import Static
    from coldpress.distillation.student import StudentShape
    from coldpress.method import TeacherDescription
    from coldpress.model.classifier import Classifier
    from coldpress.training.data import TrainingData

_Method = TypeVar("_Method", bound="Static | Convolution")


def check_shape(student: StudentShape, name: str) -> None:
    """Check that a recipe gives no sizes of layers.

    Args:
        student: The recipe's section.
        name: Of the student, for the message.

    Raises:
        ValueError: There is one.
    """
    sizes = student.without_from().model_dump(exclude_defaults=True)
    if sizes:
        raise ValueError(f"student.{min(sizes)}: a {name} student is not made of layers")


def check_table(method: Static | Convolution, teacher: TeacherDescription) -> None:
    """Check that a table of tokens can be made from the teacher.

    Args:
        method: The recipe's section.
        teacher: Of the recipe.

    Raises:
        InputError: The table would be wider than the teacher or is not to be trained, or the
            vocabulary of the teacher's tokenizer cannot be reduced.
    """
    if method.freeze_embeddings:
        raise InputError(
            f"distill.freeze_embeddings: must be false with method {method.method}, which trains a"
            " table"
        )
    if method.width > teacher.size.hidden_size:
        raise InputError(
            f"distill.width: {method.width}, but the teacher has {teacher.size.hidden_size}"
        )
    if teacher.tokenizer is not None:
        from coldpress.model.vocabulary.needed_tokens import check_tokenizer_type

        check_tokenizer_type(teacher.tokenizer, f"distill.method: {method.method}")


def distill_without_layers(
    teacher: Classifier,
    method: _Method,
    context: DistillationContext,
    build: Callable[[Classifier, _Method, TrainingData], Classifier],
) -> Classifier:
    """Train a student whose vocabulary is that of the training texts.

    Args:
        teacher: Not changed.
        method: The recipe's section.
        context: Data and callbacks.
        build: Builds the untrained student from the teacher, the section and the training rows.
    """
    from coldpress.distillation.phase import Phase, train_in_phases

    student = build(teacher, method, context.data)
    data = context.data.for_model(student, teacher.tokenizer)
    phases = [Phase("", data.loss, method)]
    return train_in_phases(student, phases, replace(context, data=data))
