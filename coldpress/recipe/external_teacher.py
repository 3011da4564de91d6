"""What a recipe cannot ask of a teacher whose outputs are used alone."""

from __future__ import annotations

from coldpress.distillation import DistillationMethod
from coldpress.distillation.student import STUDENT_FIELD
from coldpress.gate import Gate
from coldpress.recipe.soft_targets_section import SoftTargetsSection
from coldpress.teacher.answers.section import AnswersTeacher
from coldpress.teacher.outputs.section import OutputsTeacher
from coldpress.teacher.section import ExternalTeacher


def check_external_teacher(
    teacher: ExternalTeacher, soft_targets: SoftTargetsSection, distill: DistillationMethod | None
) -> None:
    """Check that no stage needs the weights of the teacher.

    Args:
        teacher: The recipe's section.
        soft_targets: The recipe's section.
        distill: The recipe's section; None without.

    Raises:
        ValueError: A setting needs a model.
    """
    origin = f"teacher.origin {teacher.origin}"
    if distill is None:
        raise ValueError(f"distill: required with {origin}, whose weights are not compressed")
    if distill.compares_activations:
        raise ValueError(
            f"distill.method: {distill.method} is not possible with {origin}, of which only the"
            " outputs are used; use logits, static or convolution"
        )
    if distill.student.from_ is None:
        raise ValueError(f"{STUDENT_FIELD}: required with {origin}, whose weights are not used")
    needs_model = {
        "hidden_states": soft_targets.hidden_states,
        "teachers": soft_targets.teachers > 1,
        "augment": soft_targets.augment is not None,
    }
    for field, present in needs_model.items():
        if present:
            raise ValueError(f"soft_targets.{field}: not possible with {origin}")
    if not isinstance(teacher, AnswersTeacher):
        return
    if (teacher.unlabelled is None) != (soft_targets.unlabelled is None):
        fields = ["teacher.unlabelled", "soft_targets.unlabelled"]
        given, absent = fields if soft_targets.unlabelled is None else fields[::-1]
        raise ValueError(f"{absent}: required, since there is {given}")


def check_external_gate(teacher: ExternalTeacher, gate: Gate) -> None:
    """Check that the gate bounds what will be measured without a model, or without test answers.

    Args:
        teacher: The recipe's section.
        gate: The recipe's section.

    Raises:
        ValueError: A bound is on a comparison that is not made, or the quality has no bound.
    """
    if gate.min_speedup is not None and not isinstance(teacher, OutputsTeacher):
        raise ValueError(
            f"gate.min_speedup: not possible with teacher.origin {teacher.origin}, which is not"
            " timed; use max_p95_ms"
        )
    if not isinstance(teacher, AnswersTeacher) or teacher.test is not None:
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
