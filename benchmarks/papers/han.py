"""One-shot and gradual magnitude pruning with the same number of epochs.

python benchmarks/papers/han.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, combine_parts
from coldpress.pruning.magnitude import Magnitude
from measurement import ONE_POINT, Measurement, TrialResult
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from trials import Trial

SPARSITY = 0.8
SCHEDULES = {
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


def measure(trial: Trial) -> TrialResult:
    """Prune with both schedules, with the same number of epochs.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy of both, relative to the whole model.
    """
    from dataclasses import replace

    from coldpress.pruning.pipeline import run_steps
    from coldpress.training.loop import reseed

    whole = trial.accuracy(trial.teacher, trial.test)
    numbers = {"whole model": Measurement("percent", whole)}
    recovery = replace(trial.pruning_context(), plan=trial.plan)
    for schedule, step in SCHEDULES.items():
        reseed(trial.seed, schedule)
        pruned = run_steps([step], trial.teacher, recovery).classifier
        change = trial.accuracy(pruned, trial.test) - whole
        paper = "about 0" if schedule == "little by little" else None
        numbers[change_name(schedule)] = Measurement("points", change, paper)
    return TrialResult(numbers)


def judge(numbers: Numbers, curves: Curves) -> Verdict:  # noqa: ARG001
    """Check that gradual pruning costs under a point, and less than one-shot pruning.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Unused.

    Returns:
        Holds if both are true, partly if one is.
    """
    gradual = numbers[change_name("little by little")]
    one_shot = numbers[change_name("at once")]
    reason = (
        f"After as many epochs, {gradual} little by little and {one_shot} at once, against the"
        " whole model."
    )
    return combine_parts([gradual.mean > -ONE_POINT, gradual.mean > one_shot.mean], reason)


def change_name(schedule: str) -> str:
    """Return the name of the number of a schedule."""
    return f"test accuracy with {100 * SPARSITY:.0f} % zeroed {schedule}, against the whole model"


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
