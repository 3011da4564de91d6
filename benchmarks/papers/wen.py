"""Latency of a sparse model and of a smaller one with as many weights.

python benchmarks/papers/wen.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, combine_parts
from measurement import Measurement, TrialResult
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.classifier import Classifier
    from trials import Trial

SPARSITY = 0.9
EPOCHS = 2
"""Epochs of retraining: one step for the zeros, divided between heads and neurons."""
FASTER = 1.1
"""Smallest speed-up that the measurement can tell from none."""

PAPER = Paper(
    name="wen",
    title="Unstructured zeros are not faster",
    source="Wen, Wu, Wang, Chen & Li 2016, Learning Structured Sparsity in Deep Neural Networks, "
    "section 1 and figure 1",
    claim="Unstructured zeros bring little or even negative speed-up, even at over 95 % of the "
    "weights; removing whole structures is faster with existing libraries.",
    figure="little or negative; structures 5.1x on processors",
    across="",
    setting=f"{100 * SPARSITY:.0f} % of the weights of the encoder's linear modules are zeroed by "
    "magnitude (class-blind); for comparison, heads and neurons are removed by importance "
    f"until the same number of weights is left. Both are retrained for {EPOCHS} epochs on "
    "labels at half the learning rate of fine-tuning: after zeroing, or one epoch after "
    "the heads and one after the neurons. Embeddings and biases stay. Latency is that of "
    "float32 in ONNX Runtime, measured alternately: batch 1, one thread, no padding, "
    "without tokenization, median of 300 calls.",
)
ZEROED = "zeroed, against the whole model"
SMALLER = "smaller, against the whole model"


def measure(trial: Trial) -> TrialResult:
    """Prune both ways to the same number of weights, and measure both.

    Args:
        trial: One seed of one dataset.

    Returns:
        Accuracy, weights, latency and speed-up of both.
    """
    from coldpress.model import serialization
    from onnx_latency import median_milliseconds

    models = {"whole model": trial.checkpoint, **_pruned(trial)}
    milliseconds = median_milliseconds(models, trial.test)
    numbers = dict[str, Measurement]()
    for name, checkpoint in models.items():
        classifier = serialization.load_classifier(checkpoint)
        numbers[name] = Measurement("percent", trial.accuracy(classifier, trial.test))
        numbers[f"{name}, weights"] = Measurement("count", count_nonzero(classifier))
        numbers[f"{name}, a text"] = Measurement("milliseconds", milliseconds[name])
    claims = {ZEROED: ("zeroed", "1x or less"), SMALLER: ("smaller", "5.1x")}
    for number, (name, paper) in claims.items():
        numbers[number] = Measurement(
            "times", milliseconds["whole model"] / milliseconds[name], paper
        )
    lengths = [len(row) for row in trial.test.input_ids]
    numbers["tokens a text"] = Measurement("count", sum(lengths) / len(lengths))
    return TrialResult(numbers)


def judge(numbers: Numbers, curves: Curves) -> Verdict:  # noqa: ARG001
    """Check that structured pruning is faster, and zeros are not.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Unused.

    Returns:
        Holds if zeros gain under 10 % and structures more than that, partly if one is true.
    """
    zeroed = numbers[ZEROED]
    smaller = numbers[SMALLER]
    reason = (
        f"The model with zeros is {zeroed} as fast as the whole model, the smaller model {smaller}."
        f" Their accuracies are {numbers['zeroed']} and {numbers['smaller']}, that of the whole"
        f" model is {numbers['whole model']}."
    )
    return combine_parts([zeroed.mean < FASTER, smaller.mean >= FASTER], reason)


def count_nonzero(classifier: Classifier) -> int:
    """Count the weights of the encoder's linear modules that are not zero.

    Args:
        classifier: Any classifier.

    Returns:
        Their number, without biases and embeddings.
    """
    from coldpress.pruning import sparsity

    return sum(int(weight.count_nonzero()) for weight in sparsity.linear_weights(classifier))


def _pruned(trial: Trial) -> dict[str, Checkpoint]:
    from coldpress.pruning.magnitude import Magnitude
    from pruned_models import count_unit_weights, importance_steps, prune_model

    zeros = Magnitude(method="magnitude", sparsity=SPARSITY, recovery_epochs=EPOCHS)
    keep = 1 - SPARSITY
    costs = count_unit_weights(trial.teacher)
    structures = importance_steps(trial.teacher, costs, keep, EPOCHS // 2)
    return {"zeroed": prune_model(trial, [zeros]), "smaller": prune_model(trial, structures)}


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
