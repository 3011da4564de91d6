from __future__ import annotations

import pytest

import script
import xia
from claim import Curve, Number
from coldpress.data.encoding import encode
from coldpress.data.splits import Split
from coldpress.model.classifier import Classifier
from coldpress.model.surgery import keep_width
from coldpress.pruning.fisher.mask_search import UnitCosts
from options import Options

ALL = (xia.COFI, xia.IMPORTANCE, xia.FISHER, xia.ZEROS)


def test_a_quick_run_has_four_methods_of_equal_cost(quick: Options) -> None:
    (result,) = script.run(xia.SCRIPT, quick).results
    across = {name: curve.across for name, curve in result.curves.items()}
    assert across == dict.fromkeys(ALL, (0.6, 0.95))
    numbers = {name: number.seeds[0] for name, number in result.numbers.items()}
    retained = result.curves[xia.COFI].seeds[0][-1] / numbers["whole model"]
    assert numbers[xia.RETAINED] == pytest.approx(retained)
    cost = {
        name: numbers[f"multiply-accumulates a token, {xia.smallest_name(name)}"] for name in ALL
    }
    # Zeros are multiplied too.
    assert cost[xia.ZEROS] == numbers["multiply-accumulates a token, whole model"]
    assert cost[xia.COFI] < cost[xia.ZEROS] / 2


def test_the_macs_of_layers_are_those_of_heads_and_neurons(tiny: Classifier) -> None:
    shapes = tiny.shapes
    heads, neurons = (sum(getattr(s, unit) for s in shapes) for unit in ("heads", "neurons"))
    assert xia.macs(tiny, UnitCosts(head=100, neuron=7)) == 100 * heads + 7 * neurons


def test_a_narrower_model_has_fewer_macs_per_head(tiny: Classifier, split: Split) -> None:
    # A mean length of 5: a head costs 4 * (4 * 16 + 2 * 5) = 296 and at half the width 168, a
    # neuron 32 and 16. Two layers have eight heads and 64 neurons.
    share = xia.share_of_macs(keep_width(tiny, range(8)), tiny, encode(tiny.tokenizer, split))
    assert share == pytest.approx((8 * 168 + 64 * 16) / (8 * 296 + 64 * 32))


def judgement(retained: float, faster: float, importance_score: float) -> str:
    numbers = {
        xia.RETAINED: Number(unit="percent", seeds=(retained,)),
        xia.FASTER: Number(unit="times", seeds=(faster,)),
    }
    scores = {xia.COFI: 0.9, xia.IMPORTANCE: importance_score, xia.FISHER: 0.7, xia.ZEROS: 0.95}
    curves = {name: Curve(across=(0.95,), seeds=((score,),)) for name, score in scores.items()}
    return xia.judge(numbers, curves).judgement


def test_the_verdict_follows_from_the_figures() -> None:
    assert judgement(0.93, 11.0, 0.8) == "holds"
    assert judgement(0.93, 6.0, 0.8) == judgement(0.93, 11.0, 0.95) == "holds partly"
    assert judgement(0.85, 6.0, 0.95) == "does not hold"
