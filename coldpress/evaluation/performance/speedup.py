"""How many times as fast one model is as another, as far as a busy machine can show it.

The calls' own times are compared (`Trace.seconds`), turn by turn: the texts are the same, and calls
of one turn are alike, so that turns, not calls, are what an interval may count. What disturbs all
turns alike no interval of theirs can show: other processes empty the caches, which costs a large
model more than one that fits into them. For that the interval is widened, by what
`benchmarks/contention.py` found at most.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from coldpress.evaluation.performance.contention import Contention
from coldpress.evaluation.performance.trace import Timings, Trace

PROCESS_VARIATION = 1.16
"""What the same timing differs by, quiet, in another process: sixteen runs of the demo had a
standard deviation of 7.7 % (docs/log.md, 2026-11-28)."""
_MAX_OVERESTIMATE, _MAX_UNDERESTIMATE = 2.5, 1.3
"""By what factor a ratio can be off where others work whenever the models do."""
_MAX_INTERVAL_FACTOR = 6.0
"""An interval of turns whose ends are further apart, as a factor, says nothing."""
_MIN_CPU_SHARE = 0.05
_CALLS_PER_TURN, _MIN_TURNS, _MIN_CALLS_PER_TURN = 20, 3, 5
_MAX_ATTEMPTS, _PAUSE_SECONDS, _MAX_EXTRA_SECONDS = 3, 2.0, 10.0


@dataclass(frozen=True)
class Speedup:
    """A ratio of times with its 95 % interval, or why there is none.

    Attributes:
        ratio: How many times as fast; the middle of the interval, as factors go. None where it
            could not be determined.
        low: Lower end.
        high: Upper end.
        obstacle: Why it could not be determined, as the end of a sentence.
    """

    ratio: float | None
    low: float | None
    high: float | None
    obstacle: str | None = None


def estimate_speedup(timings: Timings, baseline: str, model: str) -> Speedup:
    """Compare two models that were timed in turns.

    Args:
        timings: Of both.
        baseline: Name of the one that is to be slower.
        model: Name of the other.

    Returns:
        The baseline's median over the model's.
    """
    if baseline == model:
        return Speedup(1.0, 1.0, 1.0)
    level = max(timings.contention(name).level for name in (baseline, model))
    slow, fast = timings.traces[baseline], timings.traces[model]
    obstacle = _find_obstacle(timings.contention(baseline), timings.contention(model))
    if obstacle is not None:
        return _no_speedup(obstacle)
    return _estimate_from_turns(slow, fast, level)


def measure_until_clear(measure: Callable[[], Timings], baseline: str, model: str) -> Timings:
    """Measure, and again after a pause where the machine is too busy for a speed-up.

    Args:
        measure: Times both models, maybe among others.
        baseline: As `speedup` takes it.
        model: The same.

    Returns:
        The first timings that show a speed-up, or the least disturbed of three. Those after the
        first take no more than ten seconds altogether.
    """
    start = time.perf_counter()
    best = measure()
    first = time.perf_counter() - start
    for attempts in range(2, _MAX_ATTEMPTS + 1):
        extra = time.perf_counter() - start - first
        if _is_clear(best, baseline, model) or extra + _PAUSE_SECONDS + first > _MAX_EXTRA_SECONDS:
            break
        time.sleep(_PAUSE_SECONDS)
        again = measure()
        calmer = min(best, again, key=lambda one: one.contention(baseline).level)
        best = again if _is_clear(again, baseline, model) else calmer
        best = replace(best, attempts=attempts)
    return best


def _is_clear(timings: Timings, baseline: str, model: str) -> bool:
    """Whether there is a speed-up, or nothing to determine one of."""
    if not {baseline, model} <= set(timings.traces):
        return True
    return estimate_speedup(timings, baseline, model).ratio is not None


def _estimate_from_turns(slow: Trace, fast: Trace, level: float) -> Speedup:
    usable = _usable_calls(slow, fast)
    ratios = _log_ratios(slow, fast, usable)
    if len(ratios) < _MIN_TURNS:
        return _no_speedup(
            f"of {len(usable)} calls only {usable.sum()} were not interrupted by other processes"
        )
    spread = float(ratios.std(ddof=1) / math.sqrt(len(ratios)))
    half = float(stats.t.ppf(0.975, len(ratios) - 1)) * spread
    if 2 * half > math.log(_MAX_INTERVAL_FACTOR):
        return _no_speedup(f"its interval would span a factor of {math.exp(2 * half):.1f}")
    ratio = float(np.median(slow.seconds[usable]) / np.median(fast.seconds[usable]))
    too_high = PROCESS_VARIATION * _MAX_OVERESTIMATE**level
    too_low = PROCESS_VARIATION * _MAX_UNDERESTIMATE**level
    low, high = ratio * math.exp(-half) / too_high, ratio * math.exp(half) * too_low
    return Speedup(ratio * math.sqrt(too_low / too_high), low, high)


def _find_obstacle(*contentions: Contention) -> str | None:
    shares = [c.cpu_share for c in contentions if c.cpu_share is not None]
    if shares and min(shares) < _MIN_CPU_SHARE:
        return f"the timed calls had a processor for only {min(shares):.0%} of their time"
    return None


def _usable_calls(slow: Trace, fast: Trace) -> NDArray[np.bool_]:
    """Leave out what CPU time cannot repair; in pairs, or long texts would be left out more."""
    if slow.clock == "wall":
        return ~(slow.interrupted | fast.interrupted)
    return np.ones(len(slow.wall), dtype=np.bool_)


def _log_ratios(slow: Trace, fast: Trace, usable: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Logarithms, of all turns that have calls enough."""
    ratios = []
    for start in range(0, len(usable), _CALLS_PER_TURN):
        turn = np.flatnonzero(usable[start : start + _CALLS_PER_TURN]) + start
        if len(turn) >= _MIN_CALLS_PER_TURN:
            ratios.append(np.log(np.median(slow.seconds[turn]) / np.median(fast.seconds[turn])))
    return np.array(ratios)


def _no_speedup(obstacle: str) -> Speedup:
    return Speedup(None, None, None, obstacle)
