"""Multi-label: ten labels, of which the first has the fewest rows and may lose recall.

Teacher and student miss 30 % of the labels and add 5 %, half of the rows alike, so that the
student is as good as the teacher.
"""

from __future__ import annotations

import numpy as np

from coldpress.gate import Gate
from simulations.simulation import Data, Simulation

SHARES = np.linspace(0.05, 0.3, 10)
"""Share of the rows that have each label."""
MISSED = 0.3
ADDED = 0.05


def draw(count: int, lost: float, random: np.random.Generator) -> Data:
    """Draw margins of 1 and -1, shape (rows, labels)."""
    targets = (random.random((count, len(SHARES))) < SHARES).astype(np.int64)
    wrong = np.where(targets == 1, MISSED, ADDED)
    teacher, other = (
        np.where((random.random(targets.shape) < wrong) == (targets == 1), -1, 1) for _ in range(2)
    )
    alike = random.random((count, 1)) < 0.5
    student = np.where(alike, teacher, other)
    student[random.random(count) < lost, 0] = -1
    names = tuple(f"label {number}" for number in range(len(SHARES)))
    return Data(names, targets, (teacher.astype(np.float32), student.astype(np.float32)))


LABELS = Simulation(
    kind="multi-label",
    gate=Gate(max_drop=0.03, max_class_drop=0.1),
    title="rows, one in twenty with the rarest of ten labels; predictions of that label are lost",
    sizes=(1000, 2000),
    losses=(1 / 3, 1.0),
    draw=draw,
)
