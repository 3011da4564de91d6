"""Benchmarks whose training rows have no labels: a teacher labels them."""

from __future__ import annotations

from coldpress.data.rows import Rows
from coldpress.data.section import BenchmarkSection
from coldpress.errors import InputError
from coldpress.kinds import task_kind
from coldpress.kinds.grouped import GroupedKind


def require_validation(rows: Rows | None, section: BenchmarkSection) -> Rows:
    """Return the validation rows, whose labels are those of models that learn from texts alone.

    Args:
        rows: None if the source has no such split.
        section: The benchmark's section.

    Raises:
        InputError: There are none, or the section needs labels of training rows.
    """
    kind = task_kind(section.task_kind_name)
    if isinstance(kind, GroupedKind):
        raise InputError(
            f"benchmark.train_labels: must be true with benchmark.kind {kind.name}, whose rows"
            " belong together"
        )
    if section.fresh:
        raise InputError("benchmark.fresh: not possible with train_labels: false")
    if rows is None:
        raise InputError(
            "benchmark.source: a validation split is required with train_labels: false, since it"
            " cannot be cut from rows without labels"
        )
    return rows
