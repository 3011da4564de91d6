"""The command `coldpress profile`."""

from __future__ import annotations

from pathlib import Path


def profile(model: str, /, *, json: Path | None = None) -> None:
    """Print where an exported model spends its time on this machine.

    One thread, one text at a time. The first table has the latency by number of tokens, and what
    it reaches of two limits that the command measures. "of int8" is the multiply-accumulates per
    second of the model, as a share of those of a large int8 product. "of memory" is the weights
    read per second, as a share of what numpy reads from main memory: more than 100 % if the
    weights stay in the processor's cache. The second table has the graph's nodes by operator.

    Args:
        model: `name`, `name@alias` or `name/version`, or a folder that `coldpress pull` wrote.
        json: Write all measurements as JSON to this file.
    """
    from flows.cli.model_profile import print_profile

    print_profile(model, json)
