"""What a simulation consists of, and the verdict of the gate on a drawn model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.predictions import Predictions
from coldpress.evaluation.scorecard.scorecard import Evaluation
from coldpress.evaluation.statistics.comparison import compare_outputs
from coldpress.evaluation.subgroups import equity
from coldpress.evaluation.subgroups.slices import Slice
from coldpress.gate import Gate
from coldpress.gate.checks import run_checks
from coldpress.gate.verdict import Verdict
from coldpress.kinds import task_kind
from coldpress.kinds.kind import TargetArray

Outputs = NDArray[np.float32]
Pair = tuple[Outputs, Outputs]
"""Outputs of the teacher and of the student, each of shape (units, outputs)."""

SLICES = 10


@dataclass(frozen=True)
class Data:
    """Simulated test samples, and the outputs of two models for them.

    Attributes:
        names: Of the outputs.
        targets: One per unit.
        outputs: Of the teacher and of the student.
        slices: Groups of samples; empty if the damage is to another group.
        units: Number of units of each row; None if the units are the rows.
    """

    names: tuple[str, ...]
    targets: TargetArray
    outputs: Pair
    slices: tuple[Slice, ...] = ()
    units: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Simulation:
    """Models of a kind without any loss, and the same models with a loss in one group.

    Attributes:
        kind: Name of the task kind.
        gate: Bounds of the gate.
        title: What is simulated, for the table.
        sizes: Numbers of test samples to try.
        losses: Shares of the group that is lost.
        draw: Draws data of a number of samples, with a share of one group lost.
    """

    kind: str
    gate: Gate
    title: str
    sizes: tuple[int, ...]
    losses: tuple[float, ...]
    draw: Callable[[int, float, np.random.Generator], Data]


def judge(simulation: Simulation, data: Data) -> Verdict:
    """Run the checks of the gate on a student.

    Args:
        simulation: Names the kind and the gate.
        data: Drawn by its `draw`.

    Returns:
        The verdict, with checks of `max_drop`, `max_class_drop` and parity, which always passes.
    """
    kind = task_kind(simulation.kind)
    teacher, student = data.outputs
    rows = len(teacher) if data.units is None else len(data.units)
    outputs = {"teacher": teacher, "onnx": student}
    predictions = Predictions(
        tuple(map(str, range(rows))), kind, data.names, data.targets, outputs, units=data.units
    )
    groups = [*equity.target_groups(predictions), *equity.slice_groups(data.slices, predictions)]
    evaluation = Evaluation(
        n=rows,
        overlap=0,
        models={},
        comparisons=(compare_outputs(("onnx", "teacher"), kind, student, teacher, data.targets),),
        equity=equity.compare_groups(groups),
        kind=kind.name,
    )
    parity = {"parity_max_logit_difference": 0.0, "parity_bound": 1.0}
    return run_checks(simulation.gate, evaluation, parity)


def tenths(count: int) -> tuple[Slice, ...]:
    """Divide samples into ten slices.

    Args:
        count: Number of samples.
    """
    return tuple(
        Slice("column", f"topic {n}", tuple(range(n, count, SLICES))) for n in range(SLICES)
    )


def lost_samples(slices: tuple[Slice, ...], share: float, random: np.random.Generator) -> list[int]:
    """Draw a share of the first slice.

    Args:
        slices: Of `tenths`.
        share: Probability of each of its samples.
        random: Generator of the simulation.
    """
    return [sample for sample in slices[0].rows if random.random() < share]
