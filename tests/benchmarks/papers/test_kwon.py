from __future__ import annotations

import pytest

import kwon
import script
from claim import Curve, Number, Unit
from kwon import OPERATIONS, TIME, latency_name, loss_name, speedup_name
from options import Options

BUDGETS = (OPERATIONS, TIME)


def test_a_quick_run_prunes_for_both_budgets(quick: Options) -> None:
    (result,) = script.run(kwon.SCRIPT, quick).results
    assert {name: curve.across for name, curve in result.curves.items()} == {
        OPERATIONS: (0.75, 0.5),
        TIME: (0.75, 0.5),
    }
    numbers = {name: number.seeds[0] for name, number in result.numbers.items()}
    for budget in BUDGETS:
        assert numbers[speedup_name(budget)] == pytest.approx(
            1 / numbers[latency_name(budget, 0.5)]
        )
        change = result.curves[budget].seeds[0][-1] - numbers[kwon.WHOLE]
        assert numbers[loss_name(budget)] == pytest.approx(change)
    assert 0 < numbers[kwon.SECONDS] < result.seconds


def curves() -> dict[str, Curve]:
    return {budget: Curve(across=(0.75, 0.5), seeds=((0.9, 0.9), (0.9, 0.9))) for budget in BUDGETS}


def numbers(cost: float, speed: float, seconds: float) -> dict[str, Number]:
    def of(unit: Unit, *seeds: float) -> Number:
        return Number(unit=unit, seeds=seeds)

    return {
        loss_name(OPERATIONS): of("points", cost),
        speedup_name(OPERATIONS): of("times", speed),
        kwon.SECONDS: of("count", seconds),
        loss_name(TIME): of("points", -0.02),
        speedup_name(TIME): of("times", 2.0),
        latency_name(OPERATIONS, 0.75): of("percent", 0.85, 0.75),
        latency_name(OPERATIONS, 0.5): of("percent", 0.6, 0.6),
        latency_name(TIME, 0.75): of("percent", 0.73, 0.77),
        latency_name(TIME, 0.5): of("percent", 0.5, 0.5),
    }


def test_the_deviation_is_that_of_the_latency_from_the_share() -> None:
    figures = numbers(0.0, 1.6, 60)
    # Deviations of 0.1, 0, 0.1, 0.1, and of 0.02, 0.02, 0, 0.
    assert kwon.mean_deviation(figures, curves(), OPERATIONS) == pytest.approx(0.075)
    assert kwon.mean_deviation(figures, curves(), TIME) == pytest.approx(0.01)


def test_the_verdict_follows_from_the_figures() -> None:
    judgements = [
        kwon.judge(numbers(*figures), curves()).judgement
        for figures in ((0.0, 1.6, 60), (-0.02, 1.6, 60), (0.0, 1.2, 60), (-0.02, 1.2, 600))
    ]
    assert judgements == ["holds", "holds partly", "holds partly", "does not hold"]
