"""Are zeros fast? A model of mostly zeros beside a small one, as many weights in either.

python benchmarks/papers/wen.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, judged
from measurement import Measured, Measurement
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.classifier import Classifier
    from trials import Trial

SPARSITY = 0.9
EPOCHS = 2
"""Retraining: of one step for the zeros, shared by two for heads and neurons."""
FASTER = 1.1
"""A gain that timing in turns tells from none."""

PAPER = Paper(
    name="wen",
    title="Zeros are not fast",
    source="Wen, Wu, Wang, Chen & Li 2016, Learning Structured Sparsity in Deep Neural Networks, "
    "section 1 and figure 1",
    claim="Scattered zeros bring very little speed or cost some, be they over 95 % of the weights; "
    "taking out whole structures brings speed on libraries as they are.",
    figure="very limited or negative; structures 5.1x on processors",
    across="",
    setting=f"{100 * SPARSITY:.0f} % of the weights of the encoder's linear modules are zeroed by "
    "magnitude (class-blind); beside it heads and neurons are removed by importance until as many "
    f"weights are left. Both are retrained for {EPOCHS} epochs on labels at half the rate of "
    "fine-tuning: the zeros at once, the structures one epoch after the heads and one after "
    "the neurons. Embeddings and biases stay as they are. All three models are fp32 in ONNX "
    "Runtime, timed in turns: one text a call, one thread, no padding, from token ids to "
    "logits, median of 300 calls.",
)
ZEROED, SMALLER = "zeroed, against the whole model", "smaller, against the whole model"


def measure(trial: Trial) -> Measured:
    """Prune both ways to as many weights, ask both and time both.

    Args:
        trial: One seed of one dataset.

    Returns:
        Accuracy, weights, milliseconds and speed of both.
    """
    from coldpress.model import serialization
    from in_onnx import median_milliseconds

    made = {"whole model": trial.checkpoint, **_pruned(trial)}
    taken = median_milliseconds(made, trial.test)
    numbers = dict[str, Measurement]()
    for name, checkpoint in made.items():
        classifier = serialization.load_classifier(checkpoint)
        numbers[name] = Measurement("percent", trial.accuracy(classifier, trial.test))
        numbers[f"{name}, weights"] = Measurement("count", nonzero(classifier))
        numbers[f"{name}, a text"] = Measurement("milliseconds", taken[name])
    said = {ZEROED: ("zeroed", "1x or less"), SMALLER: ("smaller", "5.1x")}
    for number, (name, paper) in said.items():
        numbers[number] = Measurement("times", taken["whole model"] / taken[name], paper)
    lengths = [len(row) for row in trial.test.input_ids]
    numbers["tokens a text"] = Measurement("count", sum(lengths) / len(lengths))
    return Measured(numbers)


def judge(numbers: Numbers, curves: Curves) -> Verdict:  # noqa: ARG001
    """Ask whether structures are faster, and zeros are not.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: There are none.

    Returns:
        Holds if zeros gain less than a tenth and structures more than that, partly if one is so.
    """
    zeroed, smaller = numbers[ZEROED], numbers[SMALLER]
    reason = (
        f"The model of zeros is {zeroed} as fast as the whole one, the smaller one {smaller}; they"
        f" have {numbers['zeroed']} and {numbers['smaller']} of the test rows right, the whole one"
        f" {numbers['whole model']}."
    )
    return judged([zeroed.mean < FASTER, smaller.mean >= FASTER], reason)


def nonzero(classifier: Classifier) -> int:
    """Count the weights of the encoder's linear modules that are not zero.

    Args:
        classifier: Any.

    Returns:
        Their number, without biases and embeddings.
    """
    from coldpress.pruning import sparsity

    return sum(int(weight.count_nonzero()) for weight in sparsity.linear_weights(classifier))


def _pruned(trial: Trial) -> dict[str, Checkpoint]:
    from coldpress.pruning.magnitude import Magnitude
    from pruned import by_importance, pressed, weights

    zeros = Magnitude(method="magnitude", sparsity=SPARSITY, recovery_epochs=EPOCHS)
    keep, costs = 1 - SPARSITY, weights(trial.teacher)
    structures = by_importance(trial.teacher, costs, keep, EPOCHS // 2)
    return {"zeroed": pressed(trial, [zeros]), "smaller": pressed(trial, structures)}


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
