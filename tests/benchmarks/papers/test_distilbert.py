from __future__ import annotations

import pytest

import distilbert
import script
from claim import Number
from coldpress.model import serialization
from coldpress.model.checkpoint import Checkpoint
from coldpress.model.classifier import count_parameters
from options import Options


def test_a_quick_run_distills_a_student_of_half_the_layers(quick: Options) -> None:
    (result,) = script.run(distilbert.SCRIPT, quick).results
    numbers = {name: number.seeds[0] for name, number in result.numbers.items()}
    retained = result.numbers[distilbert.RETAINED]
    assert retained.seeds[0] == pytest.approx(
        numbers["half of the layers"] / numbers["whole model"]
    )
    assert retained.low[0] <= retained.seeds[0] <= retained.high[0]
    assert numbers[distilbert.FASTER] == pytest.approx(
        numbers["whole model, a text"] / numbers["half of the layers, a text"]
    )
    # One of two layers is removed: attention 4 * (64 * 64 + 64), feed-forward
    # 2 * 64 * 128 + 64 + 128, two normalizations 4 * 64.
    (teacher_path,) = quick.cache.glob("teacher-*")
    teacher = serialization.load_classifier(Checkpoint.open(teacher_path))
    assert numbers["fewer parameters"] == pytest.approx(33_472 / count_parameters(teacher))


def judgement(retained: float, faster: float) -> tuple[str, str]:
    numbers = {
        distilbert.RETAINED: Number(
            unit="percent", seeds=(retained,), low=(retained - 0.01,), high=(1.0,)
        ),
        distilbert.FASTER: Number(unit="times", seeds=(faster,)),
    }
    verdict = distilbert.judge(numbers, {})
    return verdict.judgement, verdict.reason


def test_the_verdict_follows_from_the_figures() -> None:
    assert judgement(0.985, 1.9)[0] == "holds"
    assert judgement(0.96, 1.9)[0] == judgement(0.98, 1.2)[0] == "holds partly"
    assert judgement(0.96, 1.2)[0] == "does not hold"
    assert "of every seed's interval is above that" in judgement(0.985, 1.9)[1]
    assert "of a seed's interval is below that" in judgement(0.975, 1.9)[1]
