"""Students of the fine-tuned large model, made once for all claims that start from one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import teachers
from coldpress.distillation import phase, soft_targets, transfer
from coldpress.training import loop
from tasks.execution import cache_key

if TYPE_CHECKING:
    from coldpress.distillation import DistillationMethod
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.classifier import Classifier
    from trials import Trial


def distilled(trial: Trial, method: DistillationMethod) -> Checkpoint:
    """Distill a student as the stage of a recipe does, unless it has been done.

    Args:
        trial: Brings teacher, rows and seed; validation chooses the epoch.
        method: A recipe's `distill` section.

    Returns:
        The verified checkpoint.
    """

    def make() -> Classifier:
        rows, validation = trial.data.train, trial.data.validation
        loop.reseed(trial.seed, "distill_student")
        student = method.student.build(trial.teacher, rows)
        given = soft_targets.compute_soft_targets(trial.teacher, rows)
        shown = transfer.build_distillation_data(student, method, given, rows, validation)
        phase.distill(student, method.phases(trial.teacher, student, shown.loss), shown)
        return student

    about = {
        "code": cache_key.code_digest("benchmarks.papers.students"),
        "teacher": trial.checkpoint.digest,
        "method": method,
        "data": trial.data.digest,
        "seed": trial.seed,
    }
    return teachers.kept(trial.cache, "student", about, make)
