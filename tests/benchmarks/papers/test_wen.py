from __future__ import annotations

import pytest

import pruned
import script
import trials
import wen
from claim import Number
from coldpress.model import serialization
from coldpress.model.classifier import Classifier
from options import QUICK, Options


def test_a_quick_run_has_three_models_in_onnx_runtime(quick: Options) -> None:
    (result,) = script.run(wen.SCRIPT, quick).results
    numbers = {name: number.seeds[0] for name, number in result.numbers.items()}
    # Two layers of 4 * 64 * 64 and 2 * 64 * 128 weights; a tenth is not zero.
    assert numbers["whole model, weights"] == 65_536
    assert numbers["zeroed, weights"] == 65_536 - round(0.9 * 65_536)
    # A head of 4 * 64 * 16 weights stays in each layer, and a neuron of 2 * 64.
    assert numbers["smaller, weights"] == 2 * (4096 + 128)
    for name, model in ((wen.ZEROED, "zeroed"), (wen.SMALLER, "smaller")):
        ratio = numbers["whole model, a text"] / numbers[f"{model}, a text"]
        assert numbers[name] == pytest.approx(ratio)


@pytest.mark.parametrize("keep", [0.5, 0.75])
def test_heads_and_neurons_come_to_the_share(quick: Options, keep: float) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare(QUICK, section, 0, quick.large_model(), quick.cache, True)
    costs = pruned.weights(trial.teacher)
    steps = pruned.by_importance(trial.teacher, costs, keep, 0)
    smaller = serialization.load_classifier(pruned.pressed(trial, steps))
    assert wen.nonzero(smaller) == keep * wen.nonzero(trial.teacher)


def test_zeros_alone_are_not_counted(tiny: Classifier) -> None:
    zeroed = tiny.copy()
    before = wen.nonzero(zeroed)
    zeroed.linear(zeroed.layers[0], "up").weight.data[0] = 0.0
    assert wen.nonzero(zeroed) == before - zeroed.linear(zeroed.layers[0], "up").in_features


def judged(zeroed: float, smaller: float) -> str:
    numbers = {
        wen.ZEROED: Number(unit="times", seeds=(zeroed,)),
        wen.SMALLER: Number(unit="times", seeds=(smaller,)),
        **{n: Number(unit="percent", seeds=(0.9,)) for n in ("whole model", "zeroed", "smaller")},
    }
    return wen.judge(numbers, {}).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judged(1.02, 4.0) == "holds"
    assert judged(0.9, 4.0) == "holds"
    assert judged(2.0, 4.0) == judged(1.0, 1.0) == "holds partly"
    assert judged(2.0, 1.0) == "does not hold"
