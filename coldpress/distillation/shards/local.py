"""Compute shards in this process, one after the other."""

from __future__ import annotations

from coldpress.distillation.shards.job import ShardJob
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.serialization import load_classifier


def compute_shards(job: ShardJob) -> None:
    """Compute the shards that are missing.

    Args:
        job: The shards of one teacher.

    Raises:
        NonFiniteError: A value is not finite, or too large for float16.
    """
    missing = job.missing()
    if not missing:
        return
    teacher = load_classifier(Checkpoint.open(job.teacher))
    rows = job.open_rows()
    for shard in missing:
        job.compute(teacher, rows, shard)
