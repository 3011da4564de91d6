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
    assert result.numbers[see.change_name("class-blind", 0.4)].paper == "about 0"
    assert (quick.output_dir / "figures" / "see.svg").exists()


def test_weights_are_zeroed_as_by_the_method(quick: Options) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare_trial(QUICK, section, 0, quick.large_model(), quick.cache, True)
    step = Magnitude(method="magnitude", sparsity=0.8, scheme="class-uniform", recovery_epochs=0)
    model = run_steps([step], trial.teacher, trial.pruning_context()).classifier
    accuracy = see.measure(trial).curves["class-uniform"][0.8]
    assert accuracy == trial.accuracy(model, trial.test)


def judgement(bare: float, retrained: float) -> str:
    def percent(value: float) -> Number:
        return Number(unit="percent", seeds=(value,))

    numbers = {
        see.change_name("class-blind", 0.4): Number(unit="points", seeds=(bare,)),
        see.change_name("class-blind, retrained", 0.8): Number(unit="points", seeds=(retrained,)),
        see.sparsity_name("class-blind"): percent(0.3),
        see.sparsity_name("class-blind, retrained"): percent(0.6),
    }
    curves: dict[str, Curve] = {
        scheme: Curve(across=(0.5,), seeds=((0.9,),)) for scheme in see.RETRAINED
    }
    return see.judge(numbers, curves).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judgement(-0.009, 0.001) == "holds"
    assert judgement(-0.02, 0.001) == "holds partly"
    assert judgement(-0.02, -0.02) == "does not hold"
