"""What a recipe's gate can ask of the models of its task kind."""

from __future__ import annotations

from coldpress.evaluation import Evaluate
from coldpress.gate import Gate
from coldpress.kinds.kind import TaskKind


def check_gate(gate: Gate, kind: TaskKind, evaluate: Evaluate) -> None:
    """Check that what the gate bounds will be measured.

    Args:
        gate: The recipe's section.
        kind: Task kind of the recipe.
        evaluate: The recipe's section, with slices and operating points.

    Raises:
        ValueError: A bound is on labels, groups or an operating point that there will not be.
    """
    for field in ("max_label_change", "max_calibration_error"):
        if getattr(gate, field) is not None and not kind.has_labels:
            raise ValueError(
                f"gate.{field}: not possible with benchmark.kind {kind.name}, which has no"
                " labels and probabilities"
            )
    if gate.max_class_drop is not None and not kind.has_target_groups and not evaluate.slices:
        raise ValueError(
            f"gate.max_class_drop: with benchmark.kind {kind.name}, only slices are compared;"
            " add evaluate.slices"
        )
    labels = [section.label for section in evaluate.operating_points]
    for position, bounds in enumerate(gate.operating_points):
        if bounds.label not in labels:
            raise ValueError(
                f"gate.operating_points.{position}.label: {bounds.label!r} is not a label of"
                " evaluate.operating_points"
            )
