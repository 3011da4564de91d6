"""Means, spread and paired tests of a sweep's runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import stats

from coldpress.evaluation.statistics.paired import holm

REPLICATE = "seed"
"""Field whose values are repetitions of the same experiment."""


@dataclass(frozen=True)
class SweepRun:
    """A finished run of a sweep.

    Attributes:
        values: Recipe values by field.
        flow_run_id: Prefect's id.
        score: First metric of the final model on the test split.
        retention: Share of the teacher's score; None without a teacher.
        p50_ms: Median latency in milliseconds; None if it was not measured.
        bytes: Weights and tokenizer; None without a file.
        gate: Whether the gate passed; None without a gate.
    """

    values: dict[str, Any]
    flow_run_id: str
    score: float
    retention: float | None = None
    p50_ms: float | None = None
    bytes: float | None = None
    gate: bool | None = None


@dataclass(frozen=True)
class PairedTest:
    """Difference of two settings over the seeds that both have.

    Attributes:
        seeds: Number of pairs.
        difference: Mean difference of the scores.
        low: Lower end of its 95 % interval, by Student's t distribution.
        high: Upper end.
        p_value: Of the two-sided paired t-test, adjusted by Holm's method for all settings.
    """

    seeds: int
    difference: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Setting:
    """Runs that differ in their seed alone.

    Attributes:
        values: Their values, without the seed.
        runs: Number of runs.
        mean: Of the scores.
        deviation: Sample standard deviation of the scores; None for a single run.
        retention: Mean; None if it is unknown.
        p50_ms: Median of the runs' medians; None if it is unknown.
        bytes: Mean; None if it is unknown.
        passed: Number of runs that passed their gate; None without a gate.
        test: Comparison with the first setting; None for the first one, and if fewer than two seeds
            are common to both.
    """

    values: dict[str, Any]
    runs: int
    mean: float
    deviation: float | None
    retention: float | None
    p50_ms: float | None
    bytes: float | None
    passed: int | None
    test: PairedTest | None = None


def summarize(runs: Sequence[SweepRun]) -> list[Setting]:
    """Summarize runs by setting, in the order of their first runs.

    Args:
        runs: At least one.
    """
    groups: dict[str, list[SweepRun]] = {}
    for run in runs:
        values = {name: value for name, value in run.values.items() if name != REPLICATE}
        groups.setdefault(json.dumps(values, sort_keys=True), []).append(run)
    members = list(groups.values())
    tests = _adjust([_compare(members[0], group) for group in members])
    return [_setting(group, test) for group, test in zip(members, tests, strict=True)]


def _setting(runs: Sequence[SweepRun], test: PairedTest | None) -> Setting:
    scores = np.array([run.score for run in runs])
    passed = [run.gate for run in runs if run.gate is not None]
    return Setting(
        values={name: value for name, value in runs[0].values.items() if name != REPLICATE},
        runs=len(runs),
        mean=float(scores.mean()),
        deviation=float(scores.std(ddof=1)) if len(runs) > 1 else None,
        retention=_mean([run.retention for run in runs]),
        p50_ms=_median([run.p50_ms for run in runs]),
        bytes=_mean([run.bytes for run in runs]),
        passed=sum(passed) if passed else None,
        test=test,
    )


def _compare(first: Sequence[SweepRun], others: Sequence[SweepRun]) -> PairedTest | None:
    """Compare scores by seed with a paired t-test; the p-value is not adjusted."""
    before = {run.values.get(REPLICATE): run.score for run in first}
    after = {run.values.get(REPLICATE): run.score for run in others}
    seeds = [seed for seed in before if seed in after]
    if first is others or len(seeds) < 2:
        return None
    differences = np.array([after[seed] - before[seed] for seed in seeds])
    mean = float(differences.mean())
    error = float(differences.std(ddof=1) / np.sqrt(len(seeds)))
    if error == 0:
        return PairedTest(len(seeds), mean, mean, mean, 1.0 if mean == 0 else 0.0)
    margin = float(stats.t.ppf(0.975, len(seeds) - 1)) * error
    p_value = float(2 * stats.t.sf(abs(mean / error), len(seeds) - 1))
    return PairedTest(len(seeds), mean, mean - margin, mean + margin, p_value)


def _adjust(tests: Sequence[PairedTest | None]) -> list[PairedTest | None]:
    """Adjust the p-values of several comparisons by Holm's method."""
    adjusted = iter(holm([test.p_value for test in tests if test is not None]))
    return [None if test is None else replace(test, p_value=next(adjusted)) for test in tests]


def _mean(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return float(np.mean(numbers)) if numbers else None


def _median(values: Sequence[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return float(np.median(numbers)) if numbers else None
