from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import outcomes
import trials
from coldpress.evaluation.scorecard.scorecard import Interval
from measurement import Measurement, TrialResult
from options import QUICK, Options


def test_a_trial_is_measured_once(quick: Options, tmp_path: Path) -> None:
    (section,) = quick.benchmarks().values()
    prepared = trials.prepare_trial(QUICK, section, 0, quick.large_model(), quick.cache, True)
    trial = replace(prepared, cache=tmp_path)
    interval = Interval(estimate=0.97, low=0.9, high=1.0)
    result = TrialResult({"kept": Measurement("percent", interval, "97 %")}, {"curve": {0.1: 0.9}})
    calls = []

    def measure(trial: trials.Trial) -> TrialResult:
        calls.append(trial)
        return result

    assert outcomes.run_trial_once("see", trial, measure).measured == result
    assert outcomes.run_trial_once("see", trial, measure).measured == result
    assert len(calls) == 1
    assert outcomes.run_trial(trial, measure).measured == result
    assert len(calls) == 2
