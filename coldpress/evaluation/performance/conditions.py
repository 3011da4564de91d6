"""Conditions of the timings: hardware, libraries, settings and load."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from coldpress import cpu
from coldpress.data.encoding import EncodedSplit
from coldpress.evaluation.config import Latency
from coldpress.evaluation.performance.contention import MachineUse


def timing_conditions(latency: Latency, test: EncodedSplit, machine: MachineUse) -> dict[str, str]:
    """Describe machine, libraries and calls.

    Args:
        latency: Settings of the timings.
        test: The timed texts, encoded with the final model's tokenizer.
        machine: Load on the machine during the timings.

    Returns:
        Descriptions by name.
    """
    tokens = float(np.mean([len(row) for row in test.input_ids]))
    return {
        **cpu.kernel_environment(),
        "torch": version("torch"),
        "threads": str(latency.threads),
        "batch": str(latency.batch),
        "calls": str(latency.rounds),
        "mean_tokens": f"{tokens:.1f}",
        "load_average": f"{machine.load:.2f}",
        **_machine_shares(machine),
    }


def _machine_shares(machine: MachineUse) -> dict[str, str]:
    """Return the shares that the system counts."""
    shares = {
        "processor_time_used_by_others": machine.others,
        "processor_time_stolen": machine.steal,
        "waiting_for_a_processor": machine.waiting,
    }
    return {name: f"{share:.0%}" for name, share in shares.items() if share is not None}
