"""Students of the fine-tuned large model, cached for all claims that need them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import teachers
from coldpress.distillation import soft_targets, transfer
from coldpress.distillation.method import DistillationContext
from coldpress.training import loop
from tasks.execution import cache_key

if TYPE_CHECKING:
    from coldpress.distillation import DistillationMethod
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.classifier import Classifier
    from trials import Trial


def distill_student(trial: Trial, method: DistillationMethod) -> Checkpoint:
    """Distill a student as the stage of a recipe does, unless it is in the cache.

    Args:
        trial: Teacher, rows and seed; the validation rows select the epoch.
        method: A recipe's `distill` section.

    Returns:
        The verified checkpoint.
    """

    def make() -> Classifier:
        rows = trial.data.train
        loop.reseed(trial.seed, "distill_student")
        targets = soft_targets.compute_soft_targets(trial.teacher, rows)
        data = transfer.soft_target_data(
            trial.teacher, method, targets, rows, trial.data.validation
        )
        return method.distill(trial.teacher, DistillationContext(data, rows))

    inputs = {
        "code": cache_key.code_digest("benchmarks.papers.students"),
        "teacher": trial.checkpoint.digest,
        "method": method,
        "data": trial.data.digest,
        "seed": trial.seed,
    }
    return teachers.load_or_make(trial.cache, "student", inputs, make)
