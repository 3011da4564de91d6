"""What timings were taken on and with: without it a latency says nothing."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np

from coldpress import processor
from coldpress.encoding import Encoded
from coldpress.evaluation.section import Latency


def conditions(latency: Latency, test: Encoded) -> dict[str, str]:
    """Describe machine, libraries and calls.

    Args:
        latency: How was timed.
        test: The texts that were timed, as the final model's tokenizer reads them.

    Returns:
        Text by name.
    """
    tokens = float(np.mean([len(row) for row in test.input_ids]))
    return {
        **processor.kernels(),
        "torch": version("torch"),
        "threads": str(latency.threads),
        "batch": str(latency.batch),
        "calls": str(latency.rounds),
        "mean_tokens": f"{tokens:.1f}",
    }
