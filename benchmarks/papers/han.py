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
    title="Gradual pruning costs nothing",
    source="Han, Pool, Tran & Dally 2015, Learning both Weights and Connections for Efficient "
    "Neural Networks, section 3; the schedule is Zhu & Gupta's, 2017",
    claim="If it is pruned gradually and retrained, a network can lose 80 % of its weights or "
    "more without loss of accuracy; if it is pruned at once, it cannot.",
    figure="80 % and more, gradually",
    across="",
    setting="Four epochs on labels at the learning rate of fine-tuning, class-blind, 80 % of the "
    "encoder's linear weights: zeroed at once and retrained for four epochs, or zeroed "
    "gradually in three and retrained for one. This tests a likely reason for the result "
    "of `see` after one epoch.",
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
        f"After the same number of epochs, {gradual} with gradual and {one_shot} with one-shot"
        " pruning, compared with the whole model."
    )
    return combine_parts([gradual.mean > -ONE_POINT, gradual.mean > one_shot.mean], reason)


def change_name(schedule: str) -> str:
    """Return the name of the number of a schedule."""
    return f"test accuracy with {100 * SPARSITY:.0f} % zeroed {schedule}, against the whole model"


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
