"""Measurements of timed calls: wall time, CPU time, interruptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.performance.contention import Contention, MachineUse

CALLS_PER_TURN = 20
"""Consecutive timed calls of a model before the next one has its turn."""
Floats = NDArray[np.float64]
Clock = Literal["thread", "process", "wall"]
"""CPU clock of a call: of the calling thread; of the process, if its threads do not run in
parallel; otherwise only wall time is meaningful."""


@dataclass(frozen=True)
class Trace:
    """The timed calls of one model.

    Attributes:
        wall: Wall time in seconds, shape (calls,).
        cpu: CPU time in seconds, shape (calls,).
        interrupted: Whether the call was preempted, shape (calls,).
        clock: Clock of the CPU time.
    """

    wall: Floats
    cpu: Floats
    interrupted: NDArray[np.bool_]
    clock: Clock = "thread"

    @property
    def seconds(self) -> Floats:
        """Own time of each call, without time in which other processes ran; shape (calls,)."""
        return self.wall if self.clock == "wall" else np.minimum(self.wall, self.cpu)

    @property
    def cpu_share(self) -> float | None:
        """CPU time over wall time; None if several threads ran in parallel."""
        total = float(self.wall.sum())
        if self.clock == "wall" or total == 0:
            return None
        return float(self.seconds.sum()) / total


@dataclass(frozen=True)
class Timings:
    """Interleaved timings of several models.

    Attributes:
        traces: By name.
        machine: Load of the machine during the timings.
        attempts: Number of measurements made.
    """

    traces: Mapping[str, Trace]
    machine: MachineUse
    attempts: int = 1

    @property
    def seconds(self) -> dict[str, Floats]:
        """Own time of each call by name."""
        return {name: trace.seconds for name, trace in self.traces.items()}

    def contention(self, name: str) -> Contention:
        """Return the contention while one model was timed.

        Args:
            name: Name of the model.

        Returns:
            CPU share of the model's own calls, and the load of the machine during all timings.
        """
        trace = self.traces[name]
        return Contention(
            cpu_share=trace.cpu_share,
            interrupted=float(trace.interrupted.mean()),
            others=self.machine.others,
            steal=self.machine.steal,
            waiting=self.machine.waiting,
            load=self.machine.load,
            attempts=self.attempts,
        )
