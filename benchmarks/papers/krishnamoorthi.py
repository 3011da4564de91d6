r"""How many bits does a weight need? Rounded after training and in it, down to a single bit.

python benchmarks/papers/krishnamoorthi.py --teacher MODEL \
    --data trec=TREC/train.jsonl,TREC/test.jsonl
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, judged
from measurement import Measured, Measurement, under_a_point
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.model.classifier import Classifier
    from coldpress.quantization.core.kbit import Granularity
    from coldpress.quantization.method import TrainingContext
    from trials import Trial

ROUNDED = (8, 7, 6, 5, 4, 3, 2, 1)
TRAINED: dict[Granularity, tuple[int, ...]] = {"channel": (4, 2, 1), "tensor": (2,)}
EPOCHS = 1
"""A quarter of the method's default: three seeds are to fit in half an hour."""
BINARY_EPOCHS = 2
FLOAT = 32.0
"""Bits of a weight that is not rounded."""
FEW = 2
"""Bits where rounding alone is asked to have failed, and training to have helped."""

PAPER = Paper(
    name="krishnamoorthi",
    title="Few bits are enough, if one trains with them",
    source="Krishnamoorthi 2018, Quantizing deep convolutional networks for efficient inference, "
    "abstract; Bai et al. 2021, BinaryBERT, abstract; Liu et al. 2022, BiT, abstract",
    claim="Eight bits after training, a scale a channel, cost under two points. Training with the "
    "rounding allows four bits and less, and in the end one bit for weights and for activations.",
    figure="8 bits: under 2 points; 4 bits, trained: 2 to 10 points; 1 bit for both: 5.9 %",
    across="bits of a weight",
    across_unit="count",
    setting="The weights are those of all linear modules but the last, which keeps 8 bits; "
    "embedding tables have as many, and at least 4; activations are bytes. Training is "
    f"{EPOCHS} epoch (default 4), on the float model's answers and hidden states. With binary "
    f"weights activations go from 4 bits to 1 in three steps of {BINARY_EPOCHS} epochs (default "
    "3), each after the first on those of the step before. What costs under a point is judged on "
    "validation rows.",
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
    """Name the curve of weights that are rounded after training."""
    return f"per {per}, not trained"


def trained(per: Granularity) -> str:
    """Name the curve of weights that are rounded in training."""
    return f"per {per}, trained"


def fewest(curve: str) -> str:
    """Name the number that says down to where a curve loses less than a point."""
    return f"fewest bits with under one point lost on validation, {curve}"


def measure(trial: Trial) -> Measured:
    """Give weights fewer and fewer bits.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by bits, and what the validation rows would have chosen.
    """
    whole = trial.accuracy(trial.teacher, trial.test)
    before = trial.accuracy(trial.teacher, trial.validation)
    numbers, curves = {WHOLE: Measurement("percent", whole)}, dict[str, dict[float, float]]()
    for name, models in _curves(trial):
        tested, chosen = curves.setdefault(name, {}), {FLOAT: before}
        for bits, model in models:
            tested[bits] = trial.accuracy(model, trial.test)
            chosen[bits] = trial.accuracy(model, trial.validation)
        numbers[fewest(name)] = Measurement("count", under_a_point(chosen))
    eight = curves[rounded("channel")][8] - whole
    numbers[EIGHT] = Measurement("points", eight, "under 2 points lost")
    four = curves[trained("channel")][4] - whole
    numbers[FOUR] = Measurement("points", four, "2 to 10 points lost")
    for bits, model in _binary(trial):
        if bits in BINARY:
            lost = trial.accuracy(model, trial.test) - whole
            numbers[BINARY[bits]] = Measurement("points", lost, CLAIMED[bits])
    return Measured(numbers, curves)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Ask what eight, four, two and one bits cost, and what training wins back.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: The same.

    Returns:
        Holds if every loss is what the papers allow.
    """
    left, won = (_at(curves, kind("channel"), FEW) for kind in (rounded, trained))
    eight, four = numbers[EIGHT], numbers[FOUR]
    weights, both = (numbers[BINARY[bits]] for bits in (4, 1))
    reason = (
        f"{eight} at 8 bits without training, {four} at 4 bits with it. At {FEW} bits a channel"
        f" accuracy is {100 * left:.1f} % without training and {100 * won:.1f} % with it. Binary"
        f" weights cost {weights} with 4-bit activations and {both} with binary ones."
    )
    asked = [
        eight.mean > -0.02,
        four.mean > -0.1,
        won > left,
        weights.mean > -0.02,
        both.mean > -0.059,
    ]
    return judged(asked, reason)


def _at(curves: Curves, name: str, bits: int) -> float:
    curve = curves[name]
    return curve.at(curve.across.index(bits)).mean


def _curves(trial: Trial) -> Iterator[tuple[str, Iterator[tuple[int, Classifier]]]]:
    """Make each curve's models, one at a time."""
    for per, widths in TRAINED.items():
        yield rounded(per), ((bits, _rounded(trial, bits, per)) for bits in trial.some(ROUNDED))
        yield trained(per), ((bits, _trained(trial, bits, per)) for bits in widths)


def _rounded(trial: Trial, bits: int, per: Granularity) -> Classifier:
    from coldpress.quantization.kbit import KBit

    return KBit(method="k-bit", bits=bits, per=per).quantize(trial.teacher, trial.train)


def _trained(trial: Trial, bits: int, per: Granularity) -> Classifier:
    from coldpress.quantization.qat.method import Qat

    step = Qat(method="qat", bits=bits, per=per, epochs=EPOCHS)
    return step.train(trial.teacher, _lessons(trial, repr(step))).classifier


def _binary(trial: Trial) -> Iterator[tuple[int, Classifier]]:
    """Take activations from 4 bits to 1: what `activation_bits: 4` gives is passed on the way."""
    from coldpress.quantization.bit.method import Binary
    from coldpress.quantization.core.fake_quant import to_integers

    epochs = 1 if trial.quick else BINARY_EPOCHS
    method = Binary(method="binary", activation_bits=1, epochs=epochs)
    for step in method.train_steps(trial.teacher, _lessons(trial, repr(method))):
        yield step.activation_bits, to_integers(step.classifier)


def _lessons(trial: Trial, stage: str) -> TrainingContext:
    """Have a method taught by the float model's answers, as a recipe's `quantize` does."""
    import torch

    from coldpress.distillation.hinton.loss import soft_and_hard_loss
    from coldpress.quantization.method import TrainingContext
    from coldpress.training.loop import no_progress, reseed

    reseed(trial.seed, stage)
    labels = torch.from_numpy(trial.train.labels)
    loss = soft_and_hard_loss(trial.answers, labels, temperature=4.0, alpha=0.9)
    return TrainingContext(trial.train, loss, trial.validation, no_progress)


SCRIPT = Script(PAPER, measure, judge)

if __name__ == "__main__":
    script.main(SCRIPT)
