from __future__ import annotations

import pytest

import pruned_models
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
    # A head of 4 * 64 * 16 weights is kept in each layer, and a neuron of 2 * 64.
    assert numbers["smaller, weights"] == 2 * (4096 + 128)
    for name, model in ((wen.ZEROED, "zeroed"), (wen.SMALLER, "smaller")):
        ratio = numbers["whole model, a text"] / numbers[f"{model}, a text"]
        assert numbers[name] == pytest.approx(ratio)


@pytest.mark.parametrize("keep", [0.5, 0.75])
def test_heads_and_neurons_are_pruned_to_the_share(quick: Options, keep: float) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare_trial(QUICK, section, 0, quick.large_model(), quick.cache, True)
    costs = pruned_models.count_unit_weights(trial.teacher)
    steps = pruned_models.importance_steps(trial.teacher, costs, keep, 0)
    smaller = serialization.load_classifier(pruned_models.prune_model(trial, steps))
    assert wen.count_nonzero(smaller) == keep * wen.count_nonzero(trial.teacher)


def test_only_zeros_are_not_counted(tiny: Classifier) -> None:
    zeroed = tiny.copy()
    before = wen.count_nonzero(zeroed)
    zeroed.linear(zeroed.layers[0], "up").weight.data[0] = 0.0
    assert wen.count_nonzero(zeroed) == before - zeroed.linear(zeroed.layers[0], "up").in_features


def judgement(zeroed: float, smaller: float) -> str:
    numbers = {
        wen.ZEROED: Number(unit="times", seeds=(zeroed,)),
        wen.SMALLER: Number(unit="times", seeds=(smaller,)),
        **{n: Number(unit="percent", seeds=(0.9,)) for n in ("whole model", "zeroed", "smaller")},
    }
    return wen.judge(numbers, {}).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judgement(1.02, 4.0) == "holds"
    assert judgement(0.9, 4.0) == "holds"
    assert judgement(2.0, 4.0) == judgement(1.0, 1.0) == "holds partly"
    assert judgement(2.0, 1.0) == "does not hold"
