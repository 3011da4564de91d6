"""What a teacher of few labels needs."""

from __future__ import annotations

from coldpress.data.section import BenchmarkSection
from coldpress.kinds import task_kind
from coldpress.teacher.spec import ScratchModel, Teacher


def check_contrastive(teacher: Teacher, benchmark: BenchmarkSection, teachers: int) -> None:
    """Check that a sentence encoder can be trained on pairs of texts.

    Args:
        teacher: The recipe's section, with `fit: contrastive`.
        benchmark: The recipe's section.
        teachers: Number of teachers whose soft targets are averaged.

    Raises:
        ValueError: The texts have no classes or are pairs, or the encoder is not pretrained.
    """
    kind = task_kind(benchmark.task_kind_name)
    if not kind.is_classification:
        raise ValueError(
            f"teacher.fit: contrastive is not possible with benchmark.kind {kind.name}, whose texts"
            " have no classes"
        )
    if benchmark.columns.has_pairs:
        raise ValueError("teacher.fit: contrastive is not possible with pairs of texts")
    if isinstance(teacher.model, ScratchModel):
        raise ValueError("teacher.fit: contrastive needs a pretrained sentence encoder")
    if not teacher.epochs:
        raise ValueError("teacher.epochs: 0, but fit is contrastive")
    if teachers > 1:
        raise ValueError("soft_targets.teachers: must be 1 with teacher.fit contrastive")
