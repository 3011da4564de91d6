"""Is half of the layers enough? A student of every other layer, distilled as DistilBERT was.

python benchmarks/papers/distilbert.py --data NAME=train.jsonl,test.jsonl --teacher MODEL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, judged
from coldpress.distillation import DistilBert, StudentShape
from measurement import Measured, Measurement
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.evaluation.scorecard.scorecard import Interval
    from coldpress.model.classifier import Classifier
    from trials import Trial

PAPER = Paper(
    name="distilbert",
    title="Half of the layers are enough",
    source="Sanh, Debut, Chaumond & Wolf 2019, DistilBERT, a distilled version of BERT, sections 3 "
    "and 4",
    claim="A student of every other layer keeps 97 % of BERT's score and is 60 % faster.",
    figure="97 % kept, 1.6x as fast",
    across="",
    setting="Every other layer of the fine-tuned model, fitted to its soft targets, the labels "
    "and the direction of its hidden states (`distill.method: distilbert`, 3 epochs), "
    "on the task's training rows: the paper distills on a general corpus first. Seeds' "
    "intervals of the share kept are paired over the test rows. Both models are fp32 in ONNX "
    "Runtime, timed in turns: one text a call, one thread, no padding, from token ids to logits, "
    "median of 300 calls.",
)
KEPT = "share of the accuracy kept"
FASTER = "as fast in ONNX Runtime"
EPOCHS = 3
ENOUGH = 0.97
FAST = 1.6


def measure(trial: Trial) -> Measured:
    """Distill, compare answers on the test rows, and time both.

    Args:
        trial: One seed of one dataset.

    Returns:
        What the student keeps, and what it gains.
    """
    from coldpress.model import serialization
    from coldpress.model.classifier import count_parameters
    from in_onnx import median_milliseconds
    from students import distilled

    checkpoint = distilled(trial, _method(trial))
    student = serialization.load_classifier(checkpoint)
    taken = median_milliseconds({"whole": trial.checkpoint, "half": checkpoint}, trial.test)
    own, teachers = (trial.accuracy(model, trial.test) for model in (student, trial.teacher))
    smaller = 1 - count_parameters(student) / count_parameters(trial.teacher)
    return Measured(
        {
            "whole model": Measurement("percent", teachers),
            "half of the layers": Measurement("percent", own),
            KEPT: Measurement("percent", _kept(trial, student), "97 %"),
            FASTER: Measurement("times", taken["whole"] / taken["half"], "1.6x"),
            "whole model, a text": Measurement("milliseconds", taken["whole"]),
            "half of the layers, a text": Measurement("milliseconds", taken["half"]),
            "fewer parameters": Measurement("percent", smaller, "40 %"),
        }
    )


def judge(numbers: Numbers, curves: Curves) -> Verdict:  # noqa: ARG001
    """Ask for both of the paper's figures.

    Args:
        numbers: As `measure` names them, all seeds.
        curves: There are none.

    Returns:
        Holds if the means reach both, partly if one.
    """
    kept, faster = numbers[KEPT], numbers[FASTER]
    lowest = min(kept.low)
    sure = (
        "of each seed's interval is above" if lowest >= ENOUGH else "of a seed's interval is below"
    )
    reason = (
        f"{kept} kept, where the paper keeps 97 %; the lower end {sure} that. {faster} as fast,"
        " where the paper's student is 1.6x."
    )
    return judged([kept.mean >= ENOUGH, faster.mean >= FAST], reason)


def _method(trial: Trial) -> DistilBert:
    layers = max(1, len(trial.teacher.layers) // 2)
    return DistilBert(method="distilbert", student=StudentShape(layers=layers), epochs=EPOCHS)


def _kept(trial: Trial, student: Classifier) -> Interval:
    """Return the student's share of the teacher's accuracy, which is taken as it is."""
    from coldpress.evaluation.scorecard.scorecard import Interval
    from coldpress.evaluation.statistics.paired import paired_interval

    classes = trial.test.labels
    own, teachers = (
        model.logits(trial.test).argmax(-1).numpy() == classes for model in (student, trial.teacher)
    )
    change, whole = paired_interval(own, teachers, classes), float(teachers.mean())
    return Interval(
        estimate=1 + change.estimate / whole,
        low=1 + change.low / whole,
        high=1 + change.high / whole,
    )


SCRIPT = Script(PAPER, measure, judge, timed=True)

if __name__ == "__main__":
    script.main(SCRIPT)
