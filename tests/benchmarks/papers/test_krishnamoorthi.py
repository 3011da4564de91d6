from __future__ import annotations

import pytest

import krishnamoorthi
import script
import trials
from claim import Curve, Number
from krishnamoorthi import BINARY, EIGHT, FLOAT, FOUR, rounded, trained
from measurement import under_a_point
from options import QUICK, Options


def test_a_quick_run_leaves_curves_over_bits(quick: Options) -> None:
    claim = script.run(krishnamoorthi.SCRIPT, quick)
    (result,) = claim.results
    assert result.curves[rounded("channel")].across == (8, 6, 4, 2)
    assert result.curves[trained("channel")].across == (4, 2, 1)
    whole = result.numbers[krishnamoorthi.WHOLE].mean
    kept = result.curves[rounded("channel")].at(0).mean
    assert result.numbers[EIGHT].mean == pytest.approx(kept - whole)
    written = (quick.written_to / "papers.md").read_text()
    assert "| bits of a weight | 8 | 6 | 4 | 2 |" in written


def test_a_bit_is_that_of_the_methods(quick: Options) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare(QUICK, section, 0, quick.large_model(), quick.cache, True)
    models = dict(dict(krishnamoorthi._curves(trial))[rounded("tensor")])
    layer = models[2].layers[0]
    values = models[2].linear(layer, "up").weight
    assert set(values.flatten().tolist()) == {-1, 0, 1}


@pytest.mark.parametrize(
    ("accuracies", "fewest"),
    [
        ({8: 0.9, 4: 0.9, 2: 0.5}, 4),
        ({8: 0.9, 4: 0.5, 2: 0.9}, 8),
        ({8: 0.5, 4: 0.9}, 32),
    ],
)
def test_fewest_bits_end_at_the_first_loss(accuracies: dict[float, float], fewest: int) -> None:
    assert under_a_point({FLOAT: 0.81, **accuracies}) == fewest


def numbers(eight: float, four: float, weights: float, both: float) -> dict[str, Number]:
    named = {EIGHT: eight, FOUR: four, BINARY[4]: weights, BINARY[1]: both}
    return {name: Number(unit="points", seeds=(lost,)) for name, lost in named.items()}


def curves(left: float, won: float) -> dict[str, Curve]:
    at_two = {rounded("channel"): left, trained("channel"): won}
    return {name: Curve(across=(4, 2), seeds=((0.9, at),)) for name, at in at_two.items()}


def test_the_verdict_follows_from_the_figures() -> None:
    judged = [
        krishnamoorthi.judge(numbers(-0.01, -0.01, -0.01, -0.05), curves(0.2, 0.8)).judgement,
        krishnamoorthi.judge(numbers(-0.01, -0.01, -0.01, -0.05), curves(0.8, 0.2)).judgement,
        krishnamoorthi.judge(numbers(-0.01, -0.01, -0.01, -0.5), curves(0.2, 0.8)).judgement,
        krishnamoorthi.judge(numbers(-0.03, -0.2, -0.1, -0.5), curves(0.8, 0.2)).judgement,
    ]
    assert judged == ["holds", "holds partly", "holds partly", "does not hold"]
