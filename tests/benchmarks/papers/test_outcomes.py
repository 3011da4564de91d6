from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import outcomes
import trials
from coldpress.evaluation.scorecard.scorecard import Interval
from measurement import Measured, Measurement
from options import QUICK, Options


def test_a_trial_is_measured_once_and_read_back_as_it_was(quick: Options, tmp_path: Path) -> None:
    (section,) = quick.benchmarks().values()
    made = trials.prepare(QUICK, section, 0, quick.large_model(), quick.cache, True)
    trial = replace(made, cache=tmp_path)
    interval = Interval(estimate=0.97, low=0.9, high=1.0)
    found = Measured({"kept": Measurement("percent", interval, "97 %")}, {"curve": {0.1: 0.9}})
    called = []

    def measure(trial: trials.Trial) -> Measured:
        called.append(trial)
        return found

    assert outcomes.kept("see", trial, measure).measured == found
    assert outcomes.kept("see", trial, measure).measured == found
    assert len(called) == 1
    assert outcomes.fresh(trial, measure).measured == found
    assert len(called) == 2
