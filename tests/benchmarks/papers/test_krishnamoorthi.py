from __future__ import annotations

import pytest

import krishnamoorthi
import script
import trials
from claim import Curve, Number
from krishnamoorthi import BINARY, EIGHT, FLOAT, FOUR, rounded, trained
from measurement import last_within_a_point
from options import QUICK, Options


def test_a_quick_run_writes_curves_by_bits(quick: Options) -> None:
    claim = script.run(krishnamoorthi.SCRIPT, quick)
    (result,) = claim.results
    assert result.curves[rounded("channel")].across == (8, 6, 4, 2)
    assert result.curves[trained("channel")].across == (4, 2, 1)
    whole = result.numbers[krishnamoorthi.WHOLE].mean
    eight = result.curves[rounded("channel")].number_at(0).mean
    assert result.numbers[EIGHT].mean == pytest.approx(eight - whole)
    page = (quick.output_dir / "papers.md").read_text()
    assert "| bits of a weight | 8 | 6 | 4 | 2 |" in page


def test_bits_are_those_of_the_methods(quick: Options) -> None:
    (section,) = quick.benchmarks().values()
    trial = trials.prepare_trial(QUICK, section, 0, quick.large_model(), quick.cache, True)
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
def test_the_fewest_bits_are_those_before_the_first_loss(
    accuracies: dict[float, float], fewest: int
) -> None:
    assert last_within_a_point({FLOAT: 0.81, **accuracies}) == fewest


def numbers(eight: float, four: float, weights: float, both: float) -> dict[str, Number]:
    losses = {EIGHT: eight, FOUR: four, BINARY[4]: weights, BINARY[1]: both}
    return {name: Number(unit="points", seeds=(loss,)) for name, loss in losses.items()}


def curves(without_training: float, with_training: float) -> dict[str, Curve]:
    scores = {rounded("channel"): without_training, trained("channel"): with_training}
    return {name: Curve(across=(4, 2), seeds=((0.9, score),)) for name, score in scores.items()}


def test_the_verdict_follows_from_the_figures() -> None:
    judgements = [
        krishnamoorthi.judge(numbers(-0.01, -0.01, -0.01, -0.05), curves(0.2, 0.8)).judgement,
        krishnamoorthi.judge(numbers(-0.01, -0.01, -0.01, -0.05), curves(0.8, 0.2)).judgement,
        krishnamoorthi.judge(numbers(-0.01, -0.01, -0.01, -0.5), curves(0.2, 0.8)).judgement,
        krishnamoorthi.judge(numbers(-0.03, -0.2, -0.1, -0.5), curves(0.8, 0.2)).judgement,
    ]
    assert judgements == ["holds", "holds partly", "holds partly", "does not hold"]
