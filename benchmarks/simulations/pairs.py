"""Sentence embeddings judged by scored pairs: cosines close to the scores.

Both models add noise that they share and noise of their own to the target, so that the student's
true correlation is the teacher's. A damaged student returns cosines that do not depend on the
score for pairs of one slice.
"""

from __future__ import annotations

import numpy as np

from coldpress.gate import Gate
from simulations.simulation import Data, Simulation, lost_samples, tenths

GATE = Gate(max_drop=0.05, max_class_drop=0.1)
SHARED = 0.5
OWN = 0.3
"""Spread of the noise that both share, and of that of each; the target's is 1."""


def draw(count: int, lost: float, random: np.random.Generator) -> Data:
    """Draw scores of a normal distribution, and the cosines of two models."""
    targets = random.normal(0, 1, count)
    common = targets + random.normal(0, SHARED, count)
    teacher, student = (common + random.normal(0, OWN, count) for _ in range(2))
    slices = tenths(count)
    members = lost_samples(slices, lost, random)
    student[members] = random.normal(0, 1, len(members))
    outputs = (teacher[:, None].astype(np.float32), student[:, None].astype(np.float32))
    return Data(("score",), targets, outputs, slices)


PAIRS = Simulation(
    kind="sentence-embedding-pairs",
    gate=GATE,
    title="pairs; cosines of one in ten slices at random",
    sizes=(300, 600),
    losses=(0.5, 1.0),
    draw=draw,
)
