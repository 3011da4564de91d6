"""What each trial came to, kept: a script that was stopped goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from claim import put
from measurement import Measured
from tasks.execution import cache_key

if TYPE_CHECKING:
    from trials import Trial


@dataclass(frozen=True)
class Outcome:
    """A trial's figures, and the seconds that it took to measure them."""

    measured: Measured
    seconds: float


_OUTCOME = TypeAdapter(Outcome)


def fresh(trial: Trial, measure: Callable[[Trial], Measured]) -> Outcome:
    """Measure a trial, and write down how long it took.

    Args:
        trial: One seed of one dataset.
        measure: The script's.

    Returns:
        Figures and seconds.
    """
    started = time.perf_counter()
    measured = measure(trial)
    return Outcome(measured, time.perf_counter() - started)


def kept(name: str, trial: Trial, measure: Callable[[Trial], Measured]) -> Outcome:
    """Measure a trial, unless the same code has measured it with the same model and rows.

    Args:
        name: Of the script; its code and what it imports of the library decide.
        trial: One seed of one dataset.
        measure: The script's. Nothing that it times is for this: time is not decided by code.

    Returns:
        Figures, and the seconds that they took when they were measured.
    """
    decides = {
        "teacher": trial.checkpoint.digest,
        "data": trial.data.digest,
        "seed": trial.seed,
        "quick": trial.quick,
    }
    key = cache_key.stage_key(name, f"benchmarks.papers.{name}", decides)[:16]
    target = trial.cache / f"{name}-{key}.json"
    if not target.exists():
        put(target, _OUTCOME.dump_json(fresh(trial, measure), indent=1).decode() + "\n")
    return _OUTCOME.validate_json(target.read_bytes())
