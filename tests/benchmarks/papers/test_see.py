from __future__ import annotations

import script
import see
import trials
from claim import Curve, Number
from coldpress.pruning.magnitude import Magnitude
from coldpress.pruning.pipeline import run_steps
from options import QUICK, Options


def test_a_quick_run_has_three_schemes_with_and_without_retraining(quick: Options) -> None:
    (result,) = script.run(see.SCRIPT, quick).results
    assert set(result.curves) == {
        *("class-blind", "class-uniform", "class-distribution"),
        *("class-blind, retrained", "class-uniform, retrained", "class-distribution, retrained"),
    }
    assert result.curves["class-blind"].across == (0.0, 0.2, 0.4, 0.6, 0.8)
    assert result.curves["class-blind, retrained"].across == (0.0, 0.6, 0.8, 0.9)
    whole = result.numbers["whole model"].seeds
    assert {curve.seeds[0][:1] for curve in result.curves.values()} == {whole}
    assert result.numbers[see.at("class-blind", 0.4)].paper == "about 0"
    assert (quick.written_to / "figures" / "see.svg").exists()


def test_weights_go_as_the_method_takes_them(quick: Options) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare(QUICK, section, 0, quick.large_model(), quick.cache, True)
    step = Magnitude(method="magnitude", sparsity=0.8, scheme="class-uniform", recovery_epochs=0)
    pressed = run_steps([step], trial.teacher, trial.recovery()).classifier
    found = see.measure(trial).curves["class-uniform"][0.8]
    assert found == trial.accuracy(pressed, trial.test)


def judged(bare: float, again: float) -> str:
    def percent(value: float) -> Number:
        return Number(unit="percent", seeds=(value,))

    numbers = {
        see.at("class-blind", 0.4): Number(unit="points", seeds=(bare,)),
        see.at("class-blind, retrained", 0.8): Number(unit="points", seeds=(again,)),
        see.most("class-blind"): percent(0.3),
        see.most("class-blind, retrained"): percent(0.6),
    }
    curves: dict[str, Curve] = {
        scheme: Curve(across=(0.5,), seeds=((0.9,),)) for scheme in see.RETRAINED
    }
    return see.judge(numbers, curves).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judged(-0.009, 0.001) == "holds"
    assert judged(-0.02, 0.001) == "holds partly"
    assert judged(-0.02, -0.02) == "does not hold"
