from __future__ import annotations

import pytest

import hinton
import script
import trials
from claim import Curve, Number
from options import QUICK, Options


def test_a_quick_run_trains_the_same_student_on_every_target(quick: Options) -> None:
    (result,) = script.run(hinton.SCRIPT, quick).results
    curves = result.curves
    numbers = result.numbers
    assert {curve.across for curve in curves.values()} == {(0.05, 1.0)}
    # With all labels, no text is unlabelled.
    both, rest, fair = (curves[name].seeds[0] for name in (hinton.BOTH, hinton.REST, hinton.FAIR))
    assert both[-1] == rest[-1] == fair[-1]
    few, soft = (curves[name].seeds[0][0] for name in (hinton.LABELS, hinton.SOFT))
    assert numbers[hinton.GAIN].seeds[0] == pytest.approx(soft - few)
    # The large models fine-tuned on all labels and on 5 % of them.
    assert len(list(quick.cache.glob("teacher-*"))) >= 2


def test_labelled_rows_are_stratified(quick: Options) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare_trial(QUICK, section, 0, quick.large_model(), quick.cache, True)
    few = hinton.labelled_rows(trial, 0.05)
    train = trial.data.train
    assert len(few) == round(0.05 * len(train))
    assert set(few.targets) == set(train.targets)
    assert hinton.labelled_rows(trial, 1.0) == train


def judgement(gains: tuple[float, ...], closed: float) -> str:
    numbers = {
        hinton.GAIN: Number(unit="points", seeds=gains),
        hinton.CLOSED: Number(unit="percent", seeds=(closed,)),
    }
    names = (hinton.LABELS, hinton.SOFT, hinton.BOTH, hinton.REST, hinton.FAIR)
    curves = {name: Curve(across=(0.05, 1.0), seeds=((0.8, 0.9),)) for name in names}
    return hinton.judge(numbers, curves).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judgement((0.1, 0.05), 0.7) == "holds"
    assert judgement((0.1, 0.05), 0.4) == "holds partly"
    assert judgement((0.1, -0.05), 0.7) == "holds partly"
    assert judgement((-0.1, 0.05), 0.7) == "does not hold"
