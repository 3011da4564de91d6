r"""Weights of few bits, rounded after training or during it, down to a single bit.

python benchmarks/papers/krishnamoorthi.py --teacher MODEL \
    --data trec=TREC/train.jsonl,TREC/test.jsonl
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, combine_parts
from measurement import Measurement, TrialResult, last_within_a_point
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.core.kbit import Granularity
    from coldpress.quantization.method import QuantizationContext
    from trials import Trial

ROUNDED = (8, 7, 6, 5, 4, 3, 2, 1)
TRAINED: dict[Granularity, tuple[int, ...]] = {"channel": (4, 2, 1), "tensor": (2,)}
EPOCHS = 1
"""A quarter of the method's default, so that three seeds fit into half an hour."""
BINARY_EPOCHS = 2
FLOAT = 32.0
"""Bits of a weight that is not rounded."""
FEW = 2
"""Bits at which rounding alone should fail and training should help."""

PAPER = Paper(
    name="krishnamoorthi",
    title="Few bits are enough with quantization-aware training",
    source="Krishnamoorthi 2018, Quantizing deep convolutional networks for efficient inference, "
    "abstract; Bai et al. 2021, BinaryBERT, abstract; Liu et al. 2022, BiT, abstract",
    claim="Eight bits with one scale per channel cost under two points without training. "
    "Quantization-aware training allows four bits and less, and in the end one bit for "
    "weights and activations.",
    figure="8 bits: under 2 points; 4 bits with training: 2 to 10 points; 1 bit for both: 5.9 %",
    across="bits of a weight",
    across_unit="count",
    setting="The weights are those of all linear modules but the last, which keeps 8 bits; "
    "embedding tables have the same number of bits, but at least 4; activations have 8 "
    f"bits. Training is {EPOCHS} epoch (default 4), on the outputs and hidden states of "
    "the float model. With binary weights, activations go from 4 bits to 1 in three steps "
    f"of {BINARY_EPOCHS} epochs (default 3), each step trained on the outputs of the "
    "previous one. Whether a loss is under one point is decided on validation rows.",
)
WHOLE = "float model"
EIGHT = "test accuracy at 8 bits, per channel, not trained, against the float model"
FOUR = "test accuracy at 4 bits, per channel, trained, against the float model"
BINARY = {
    bits: f"test accuracy with 1 bit a weight and {bits} an activation, against the float model"
    for bits in (4, 1)
}
CLAIMED = {4: "a slight drop", 1: "within 5.9 %, on GLUE"}


def rounded(per: Granularity) -> str:
    """Return the name of the curve of weights rounded after training."""
    return f"per {per}, not trained"


def trained(per: Granularity) -> str:
    """Return the name of the curve of weights rounded during training."""
    return f"per {per}, trained"


def fewest(curve: str) -> str:
    """Return the name of the lowest number of bits at which a curve loses under a point."""
    return f"fewest bits with under one point lost on validation, {curve}"


def measure(trial: Trial) -> TrialResult:
    """Quantize weights to fewer and fewer bits.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by bits, and the number of bits selected on validation rows.
    """
    whole = trial.accuracy(trial.teacher, trial.test)
    validation_accuracy = trial.accuracy(trial.teacher, trial.validation)
    numbers = {WHOLE: Measurement("percent", whole)}
    curves = dict[str, dict[float, float]]()
    for name, models in _curves(trial):
        tested = curves.setdefault(name, {})
        validated = {FLOAT: validation_accuracy}
        for bits, model in models:
            tested[bits] = trial.accuracy(model, trial.test)
            validated[bits] = trial.accuracy(model, trial.validation)
        numbers[fewest(name)] = Measurement("count", last_within_a_point(validated))
    eight = curves[rounded("channel")][8] - whole
    numbers[EIGHT] = Measurement("points", eight, "under 2 points lost")
    four = curves[trained("channel")][4] - whole
    numbers[FOUR] = Measurement("points", four, "2 to 10 points lost")
    for bits, model in _binary(trial):
        if bits in BINARY:
            change = trial.accuracy(model, trial.test) - whole
            numbers[BINARY[bits]] = Measurement("points", change, CLAIMED[bits])
    return TrialResult(numbers, curves)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Check the cost of eight, four, two and one bits, and the gain of training.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Of all seeds.

    Returns:
        Holds if every loss is within the papers' limits.
    """
    without_training, with_training = (
        _at(curves, curve_name("channel"), FEW) for curve_name in (rounded, trained)
    )
    eight = numbers[EIGHT]
    four = numbers[FOUR]
    weights, both = (numbers[BINARY[bits]] for bits in (4, 1))
    reason = (
        f"{eight} at 8 bits without training, {four} at 4 bits with training. At {FEW} bits per"
        f" channel the accuracy is {100 * without_training:.1f} % without and"
        f" {100 * with_training:.1f} % with training. Binary weights change it by {weights} with"
        f" 4-bit activations and by {both} with binary activations."
    )
    parts = [
        eight.mean > -0.02,
        four.mean > -0.1,
        with_training > without_training,
        weights.mean > -0.02,
        both.mean > -0.059,
    ]
    return combine_parts(parts, reason)


def _at(curves: Curves, name: str, bits: int) -> float:
    curve = curves[name]
    return curve.number_at(curve.across.index(bits)).mean


def _curves(trial: Trial) -> Iterator[tuple[str, Iterator[tuple[int, Classifier]]]]:
    """Yield the models of each curve, one at a time."""
    for per, widths in TRAINED.items():
        yield rounded(per), ((bits, _rounded(trial, bits, per)) for bits in trial.subset(ROUNDED))
        yield trained(per), ((bits, _trained(trial, bits, per)) for bits in widths)


def _rounded(trial: Trial, bits: int, per: Granularity) -> Classifier:
    from coldpress.quantization.kbit import KBit
    from coldpress.quantization.method import QuantizationContext

    context = QuantizationContext(trial.labelled)
    return KBit(method="k-bit", bits=bits, per=per).quantize(trial.teacher, context)


def _trained(trial: Trial, bits: int, per: Granularity) -> Classifier:
    from coldpress.quantization.qat.method import Qat

    step = Qat(method="qat", bits=bits, per=per, epochs=EPOCHS)
    return step.quantize(trial.teacher, _training_context(trial, repr(step)))


def _binary(trial: Trial) -> Iterator[tuple[int, Classifier]]:
    """Reduce activations from 4 bits to 1, and yield the model of each step."""
    from coldpress.quantization.bit.method import Binary
    from coldpress.quantization.core.fake_quant import to_integers

    epochs = 1 if trial.quick else BINARY_EPOCHS
    method = Binary(method="binary", activation_bits=1, epochs=epochs)
    for step in method.train_steps(trial.teacher, _training_context(trial, repr(method))):
        yield step.activation_bits, to_integers(step.classifier)


def _training_context(trial: Trial, stage: str) -> QuantizationContext:
    """Return data for training with the float model's logits, as in a recipe's `quantize`."""
    import torch

    from coldpress.distillation.hinton.loss import TargetMixture, soft_and_hard_loss
    from coldpress.quantization.method import QuantizationContext
    from coldpress.training.data import TrainingData
    from coldpress.training.loop import reseed

    reseed(trial.seed, stage)
    labels = torch.from_numpy(trial.train.targets)
    targets = TargetMixture(trial.teacher.kind, trial.teacher_logits, labels)
    loss = soft_and_hard_loss(targets, temperature=4.0, alpha=0.9)
    return QuantizationContext(TrainingData(trial.train, loss, trial.validation))


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
