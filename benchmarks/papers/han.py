"""Does a model bear more zeros when it is retrained for longer, or zeroed little by little?

python benchmarks/papers/han.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, judged
from coldpress.pruning.magnitude import Magnitude
from measurement import ONE_POINT, Measured, Measurement
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from trials import Trial

SPARSITY = 0.8
WAYS = {
    "at once": Magnitude(method="magnitude", sparsity=SPARSITY, recovery_epochs=4),
    "little by little": Magnitude(
        method="magnitude", sparsity=SPARSITY, schedule="cubic", growth_epochs=3, recovery_epochs=1
    ),
}

PAPER = Paper(
    name="han",
    title="Zeros that come slowly cost nothing",
    source="Han, Pool, Tran & Dally 2015, Learning both Weights and Connections for Efficient "
    "Neural Networks, section 3; the schedule is Zhu & Gupta's, 2017",
    claim="Pruned little by little and retrained, a network bears 80 % of zeros and more without "
    "loss; pruned at once, it does not.",
    figure="80 % and more, little by little",
    across="",
    setting="Four epochs on labels at the rate of fine-tuning, class-blind, 80 % of the encoder's "
    "linear weights: zeroed at once and retrained for four, or zeroed more and more in three and "
    "retrained for one. It tries the likely reason of what `see` finds after one epoch.",
)


def measure(trial: Trial) -> Measured:
    """Train for as long in both ways.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy of both, against the whole model.
    """
    from dataclasses import replace

    from coldpress.pruning.pipeline import run_steps
    from coldpress.training.loop import reseed

    whole = trial.accuracy(trial.teacher, trial.test)
    numbers = {"whole model": Measurement("percent", whole)}
    recovery = replace(trial.recovery(), plan=trial.plan)
    for way, step in WAYS.items():
        reseed(trial.seed, way)
        pruned = run_steps([step], trial.teacher, recovery).classifier
        change = trial.accuracy(pruned, trial.test) - whole
        paper = "about 0" if way == "little by little" else None
        numbers[at(way)] = Measurement("points", change, paper)
    return Measured(numbers)


def judge(numbers: Numbers, curves: Curves) -> Verdict:  # noqa: ARG001
    """Ask whether slow zeros cost a point, and whether they cost less than sudden ones.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: There are none.

    Returns:
        Holds if both, partly if one.
    """
    slow, sudden = numbers[at("little by little")], numbers[at("at once")]
    reason = (
        f"After as many epochs, {slow} little by little and {sudden} at once, against the whole"
        " model."
    )
    return judged([slow.mean > -ONE_POINT, slow.mean > sudden.mean], reason)


def at(way: str) -> str:
    """Name the number that a way of zeroing comes to."""
    return f"test accuracy with {100 * SPARSITY:.0f} % zeroed {way}, against the whole model"


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
