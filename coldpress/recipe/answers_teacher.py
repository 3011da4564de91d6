"""What a recipe cannot ask of a teacher that is known by its answers alone."""

from __future__ import annotations

from coldpress.distillation import DistillationMethod
from coldpress.distillation.student import STUDENT_FIELD
from coldpress.gate import Gate
from coldpress.recipe.soft_targets_section import SoftTargetsSection
from coldpress.teacher.answers.section import AnswersTeacher

_ORIGIN = "teacher.origin answers"


def check_answers_teacher(
    teacher: AnswersTeacher, soft_targets: SoftTargetsSection, distill: DistillationMethod | None
) -> None:
    """Check that no stage needs the weights of the teacher.

    Args:
        teacher: The recipe's section.
        soft_targets: The recipe's section.
        distill: The recipe's section; None without.

    Raises:
        ValueError: A setting needs a model.
    """
    if distill is None:
        raise ValueError(f"distill: required with {_ORIGIN}, since there is no model to compress")
    if distill.compares_activations:
        raise ValueError(
            f"distill.method: {distill.method} is not possible with {_ORIGIN}, which have no hidden"
            " states; use logits or static"
        )
    if distill.student.from_ is None:
        raise ValueError(
            f"{STUDENT_FIELD}: required with {_ORIGIN}, which have no weights to start from"
        )
    needs_model = {
        "hidden_states": soft_targets.hidden_states,
        "teachers": soft_targets.teachers > 1,
        "augment": soft_targets.augment is not None,
    }
    for field, present in needs_model.items():
        if present:
            raise ValueError(
                f"soft_targets.{field}: not possible with {_ORIGIN}, since there is no model to"
                " compute more"
            )
    if (teacher.unlabelled is None) != (soft_targets.unlabelled is None):
        fields = ["teacher.unlabelled", "soft_targets.unlabelled"]
        given, absent = fields if soft_targets.unlabelled is None else fields[::-1]
        raise ValueError(f"{absent}: required, since there is {given}")


def check_answers_gate(teacher: AnswersTeacher, gate: Gate) -> None:
    """Check that the gate bounds what will be measured without a model, or without test answers.

    Args:
        teacher: The recipe's section.
        gate: The recipe's section.

    Raises:
        ValueError: A bound is on a comparison that is not made, or the quality has no bound.
    """
    if gate.min_speedup is not None:
        raise ValueError(
            f"gate.min_speedup: not possible with {_ORIGIN}, which no model is timed for; use"
            " max_p95_ms"
        )
    if teacher.test is not None:
        return
    for field in ("max_drop", "max_class_drop"):
        if getattr(gate, field) is not None:
            raise ValueError(
                f"gate.{field}: without teacher.test, nothing is compared with the teacher; set it"
                " to null and use min_score"
            )
    for position, bounds in enumerate(gate.operating_points):
        for field in ("max_recall_drop", "max_false_positive_rise"):
            if getattr(bounds, field) is not None:
                raise ValueError(
                    f"gate.operating_points.{position}.{field}: without teacher.test, nothing is"
                    " compared with the teacher"
                )
    if gate.min_score is None:
        raise ValueError("gate.min_score: required without teacher.test")
