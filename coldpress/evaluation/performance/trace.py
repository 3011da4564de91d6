"""What was measured of timed calls: wall time, CPU time, interruptions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from coldpress.evaluation.performance.contention import Contention, MachineUse

Floats = NDArray[np.float64]
Clock = Literal["thread", "process", "wall"]
"""Whose CPU time a call takes: of the calling thread; of the process, whose threads take turns; or
of threads that work at once, so that only wall time is a call's own."""


@dataclass(frozen=True)
class Trace:
    """The timed calls of one model.

    Attributes:
        wall: Seconds from start to end, shape (calls,).
        cpu: Seconds of processor time, the same shape.
        interrupted: Whether the system took the processor away during the call.
        clock: Whose processor time that is.
    """

    wall: Floats
    cpu: Floats
    interrupted: NDArray[np.bool_]
    clock: Clock = "thread"

    @property
    def seconds(self) -> Floats:
        """Each call's own time: without the time in which others had the processor."""
        return self.wall if self.clock == "wall" else np.minimum(self.wall, self.cpu)

    @property
    def cpu_share(self) -> float | None:
        """CPU time over wall time; None where several threads make it mean something else."""
        total = float(self.wall.sum())
        if self.clock == "wall" or total == 0:
            return None
        return float(self.seconds.sum()) / total


@dataclass(frozen=True)
class Timings:
    """Models that were timed in turns.

    Attributes:
        traces: By name.
        machine: What the machine did meanwhile.
        attempts: How often was measured.
    """

    traces: Mapping[str, Trace]
    machine: MachineUse
    attempts: int = 1

    @property
    def seconds(self) -> dict[str, Floats]:
        """The calls' own times by name."""
        return {name: trace.seconds for name, trace in self.traces.items()}

    def contention(self, name: str) -> Contention:
        """Say how much else the machine did while one model was timed.

        Args:
            name: The model's.

        Returns:
            Its own calls' share of a processor, and what the machine did during all timings.
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
