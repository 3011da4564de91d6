"""CoFi and pruning by importance, with more epochs for the gates.

python benchmarks/papers/cofi.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, combine_parts, format_points
from measurement import Measurement, TrialResult
from script import Curves, Numbers, Script
from xia import COFI, GATE_EPOCHS, IMPORTANCE, MOST, beside_importance

if TYPE_CHECKING:
    from coldpress.model.checkpoint import Checkpoint
    from trials import Trial

LONGER = 6
"""The method's default."""
EPOCHS = (GATE_EPOCHS, LONGER)
RECOVERY = 2

PAPER = Paper(
    name="cofi",
    title="Gates need many epochs",
    source="Xia, Zhong & Chen 2022, Structured Pruning Learns Compact and Accurate Models, "
    "section 4, which trains for 20 epochs and more",
    claim="With more epochs for its gates, CoFi is better than pruning by importance at 95 % "
    "sparsity.",
    figure="20 epochs and more",
    across="",
    setting=f"As in `xia`: CoFi trains for {GATE_EPOCHS} or {LONGER} epochs while gates close, and "
    f"for {RECOVERY} more after that. Pruning of heads and neurons by gradient importance "
    "retrains for the same number of epochs, half of them after each step, and keeps the "
    "share of multiply-accumulates that CoFi's model has. This tests a likely reason for "
    "the result of `xia`.",
)


def measure(trial: Trial) -> TrialResult:
    """Prune to 95 % sparsity with both methods, for fewer and for more epochs.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracies.
    """
    from coldpress.model import serialization

    numbers = {"whole model": Measurement("percent", trial.accuracy(trial.teacher, trial.test))}
    for epochs in EPOCHS:
        for name, checkpoint in _pruned(trial, 1 if trial.quick else epochs).items():
            score = trial.accuracy(serialization.load_classifier(checkpoint), trial.test)
            numbers[accuracy_name(name, epochs)] = Measurement("percent", score)
    return TrialResult(numbers)


def judge(numbers: Numbers, curves: Curves) -> Verdict:  # noqa: ARG001
    """Check that CoFi is better in the end, and gains more from the additional epochs.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Unused.

    Returns:
        Holds if both are true, partly if one is.
    """
    cofi, importance = (
        [numbers[accuracy_name(name, epochs)].mean for epochs in EPOCHS]
        for name in (COFI, IMPORTANCE)
    )
    difference = cofi[1] - importance[1]
    cofi_gain = cofi[1] - cofi[0]
    importance_gain = importance[1] - importance[0]
    reason = (
        f"{LONGER - GATE_EPOCHS} more epochs change the accuracy of CoFi by"
        f" {format_points(cofi_gain)} and that of {IMPORTANCE} by"
        f" {format_points(importance_gain)}. The difference is then {format_points(difference)}."
    )
    return combine_parts([difference > 0, cofi_gain > importance_gain], reason)


def accuracy_name(method: str, epochs: int) -> str:
    """Return the name of a method's accuracy if CoFi's gates have so many epochs."""
    return f"{method} at {100 * MOST:.0f} %, {epochs + RECOVERY} epochs"


def _pruned(trial: Trial, epochs: int) -> dict[str, Checkpoint]:
    """Prune with both methods, with the same total of epochs."""
    from coldpress.pruning import L0

    gates = L0(method="l0", keep_parameters=1 - MOST, gate_epochs=epochs, recovery_epochs=RECOVERY)
    return beside_importance(trial, gates, (epochs + RECOVERY) // 2)[0]


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
