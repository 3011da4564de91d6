"""Cache of each trial's result, so that an interrupted script can resume."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from measurement import TrialResult
from tasks.environment.atomic_file import write_text_atomic
from tasks.execution import cache_key

if TYPE_CHECKING:
    from trials import Trial


@dataclass(frozen=True)
class Outcome:
    """The result of a trial, and the seconds that it took."""

    measured: TrialResult
    seconds: float


_OUTCOME = TypeAdapter(Outcome)


def run_trial(trial: Trial, measure: Callable[[Trial], TrialResult]) -> Outcome:
    """Measure a trial, and time it.

    Args:
        trial: One seed of one dataset.
        measure: The script's function.

    Returns:
        The result and the seconds.
    """
    started = time.perf_counter()
    measured = measure(trial)
    return Outcome(measured, time.perf_counter() - started)


def run_trial_once(name: str, trial: Trial, measure: Callable[[Trial], TrialResult]) -> Outcome:
    """Measure a trial, unless the cache has a result of the same code, model and rows.

    Args:
        name: Of the script; its code and the library code it imports are part of the cache key.
        trial: One seed of one dataset.
        measure: The script's function. It must not time anything: times differ between runs.

    Returns:
        The result, and the seconds that it took when it was measured.
    """
    inputs = {
        "teacher": trial.checkpoint.digest,
        "data": trial.data.digest,
        "seed": trial.seed,
        "quick": trial.quick,
    }
    key = cache_key.stage_key(name, f"benchmarks.papers.{name}", inputs)[:16]
    target = trial.cache / f"{name}-{key}.json"
    if not target.exists():
        outcome = run_trial(trial, measure)
        target.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(target, _OUTCOME.dump_json(outcome, indent=1).decode() + "\n")
    return _OUTCOME.validate_json(target.read_bytes())
