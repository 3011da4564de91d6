"""What timings were taken on and with: without it a latency says nothing."""

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
        latency: How was timed.
        test: The texts that were timed, as the final model's tokenizer reads them.
        machine: What else it did meanwhile.

    Returns:
        Text by name.
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
    """Leave out what the system does not count."""
    shares = {
        "processor_time_used_by_others": machine.others,
        "processor_time_stolen": machine.steal,
        "waiting_for_a_processor": machine.waiting,
    }
    return {name: f"{share:.0%}" for name, share in shares.items() if share is not None}
