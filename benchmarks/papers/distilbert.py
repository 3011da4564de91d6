"""DistilBERT: a student of every other layer.

python benchmarks/papers/distilbert.py --data NAME=train.jsonl,test.jsonl --teacher MODEL
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import script
from claim import Paper, Verdict, combine_parts
from coldpress.distillation import DistilBert, StudentShape
from measurement import Measurement, TrialResult
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
    claim="A student with every other layer retains 97 % of BERT's score and is 60 % faster.",
    figure="97 % retained, 1.6x as fast",
    across="",
    setting="The student has every other layer of the fine-tuned model and is trained on its soft "
    "targets, the labels and the direction of its hidden states (`distill.method: "
    "distilbert`, 3 epochs), on the training rows of the task; the paper distills on a "
    "general corpus first. Intervals of the retention are paired over the test rows. Both "
    "models: latency is that of float32 in ONNX Runtime, measured alternately: batch 1, "
    "one thread, no padding, without tokenization, median of 300 calls.",
)
RETAINED = "share of the accuracy kept"
FASTER = "as fast in ONNX Runtime"
EPOCHS = 3
ENOUGH = 0.97
FAST = 1.6


def measure(trial: Trial) -> TrialResult:
    """Distill a student, compare accuracies on the test rows, and time both models.

    Args:
        trial: One seed of one dataset.

    Returns:
        Accuracy, latency and size of both models.
    """
    from coldpress.model import serialization
    from coldpress.model.classifier import count_parameters
    from onnx_latency import median_milliseconds
    from students import distill_student

    checkpoint = distill_student(trial, _method(trial))
    student = serialization.load_classifier(checkpoint)
    milliseconds = median_milliseconds({"whole": trial.checkpoint, "half": checkpoint}, trial.test)
    student_accuracy, teacher_accuracy = (
        trial.accuracy(model, trial.test) for model in (student, trial.teacher)
    )
    smaller = 1 - count_parameters(student) / count_parameters(trial.teacher)
    return TrialResult(
        {
            "whole model": Measurement("percent", teacher_accuracy),
            "half of the layers": Measurement("percent", student_accuracy),
            RETAINED: Measurement("percent", _retained(trial, student), "97 %"),
            FASTER: Measurement("times", milliseconds["whole"] / milliseconds["half"], "1.6x"),
            "whole model, a text": Measurement("milliseconds", milliseconds["whole"]),
            "half of the layers, a text": Measurement("milliseconds", milliseconds["half"]),
            "fewer parameters": Measurement("percent", smaller, "40 %"),
        }
    )


def judge(numbers: Numbers, curves: Curves) -> Verdict:  # noqa: ARG001
    """Compare with both of the paper's numbers.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Unused.

    Returns:
        Holds if the means reach both, partly if they reach one.
    """
    retained = numbers[RETAINED]
    faster = numbers[FASTER]
    lowest = min(retained.low)
    position = (
        "of every seed's interval is above" if lowest >= ENOUGH else "of a seed's interval is below"
    )
    reason = (
        f"{retained} retained (97 % in the paper); the lower end {position} that. {faster} as fast"
        " (1.6x in the paper)."
    )
    return combine_parts([retained.mean >= ENOUGH, faster.mean >= FAST], reason)


def _method(trial: Trial) -> DistilBert:
    layers = max(1, len(trial.teacher.layers) // 2)
    return DistilBert(method="distilbert", student=StudentShape(layers=layers), epochs=EPOCHS)


def _retained(trial: Trial, student: Classifier) -> Interval:
    """Return the student's share of the teacher's accuracy, which is treated as exact."""
    from coldpress.evaluation.scorecard.scorecard import Interval
    from coldpress.evaluation.statistics.paired import paired_interval

    classes = trial.test.targets
    student_correct, teacher_correct = (
        model.logits(trial.test).argmax(-1).numpy() == classes for model in (student, trial.teacher)
    )
    difference = paired_interval(student_correct, teacher_correct, classes)
    accuracy = float(teacher_correct.mean())
    return Interval(
        estimate=1 + difference.estimate / accuracy,
        low=1 + difference.low / accuracy,
        high=1 + difference.high / accuracy,
    )


SCRIPT = Script(PAPER, measure, judge, timed=True)

if __name__ == "__main__":
    script.main(SCRIPT)
