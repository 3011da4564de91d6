"""Do learnt gates overtake pruning by importance when they have more epochs to close?

python benchmarks/papers/cofi.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, judged, said
from measurement import Measured, Measurement
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
    title="Gates need epochs",
    source="Xia, Zhong & Chen 2022, Structured Pruning Learns Compact and Accurate Models, "
    "section 4, which trains for 20 epochs and more",
    claim="With more epochs for its gates CoFi overtakes pruning by importance at 95 % sparsity.",
    figure="20 epochs and more",
    across="",
    setting=f"As in `xia`: CoFi trains for {GATE_EPOCHS} or {LONGER} epochs while gates close and "
    f"for {RECOVERY} after. Heads and neurons that go by gradient importance retrain for as many "
    "epochs in all, half of them after either, and keep the share of multiply-accumulates that "
    "CoFi's model came to. It tries the likely reason of what `xia` finds.",
)


def measure(trial: Trial) -> Measured:
    """Prune to 95 % with both methods, for a short and for a longer time.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracies.
    """
    from coldpress.model import serialization

    numbers = {"whole model": Measurement("percent", trial.accuracy(trial.teacher, trial.test))}
    for epochs in EPOCHS:
        for name, made in _pruned(trial, 1 if trial.quick else epochs).items():
            score = trial.accuracy(serialization.load_classifier(made), trial.test)
            numbers[after(name, epochs)] = Measurement("percent", score)
    return Measured(numbers)


def judge(numbers: Numbers, curves: Curves) -> Verdict:  # noqa: ARG001
    """Ask whether CoFi is better in the end, and whether epochs bring it more than the other.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: There are none.

    Returns:
        Holds if both, partly if one.
    """
    cofi, other = (
        [numbers[after(name, epochs)].mean for epochs in EPOCHS] for name in (COFI, IMPORTANCE)
    )
    ahead, gained, others = cofi[1] - other[1], cofi[1] - cofi[0], other[1] - other[0]
    reason = (
        f"{LONGER - GATE_EPOCHS} more epochs bring CoFi {said('points', gained, None)}, and"
        f" {IMPORTANCE} {said('points', others, None)}: CoFi is then"
        f" {said('points', ahead, None)} against that."
    )
    return judged([ahead > 0, gained > others], reason)


def after(method: str, epochs: int) -> str:
    """Name the number that a method comes to when CoFi's gates have so many epochs."""
    return f"{method} at {100 * MOST:.0f} %, {epochs + RECOVERY} epochs"


def _pruned(trial: Trial, epochs: int) -> dict[str, Checkpoint]:
    """Prune with both methods in as many epochs in all."""
    from coldpress.pruning import L0

    gates = L0(method="l0", keep_parameters=1 - MOST, gate_epochs=epochs, recovery_epochs=RECOVERY)
    return beside_importance(trial, gates, (epochs + RECOVERY) // 2)[0]


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
