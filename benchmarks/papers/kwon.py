"""Pruning without retraining, with a budget of operations or of measured time.

python benchmarks/papers/kwon.py --data trec=TREC/train.jsonl,TREC/test.jsonl --teacher MODEL
"""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import script
from claim import Paper, Verdict, combine_parts, format_points
from coldpress.pruning.fisher.method import Fisher
from measurement import ONE_POINT, Measurement, TrialResult
from script import Curves, Numbers, Script

if TYPE_CHECKING:
    from coldpress.model.checkpoint import Checkpoint
    from coldpress.model.classifier import Classifier
    from trials import Trial

SHARES = (0.75, 0.6, 0.5)
HALF = min(SHARES)
FAST = 1.56
MINUTES = 180.0
OPERATIONS = "a budget of multiply-accumulates"
TIME = "a budget of time"

PAPER = Paper(
    name="kwon",
    title="Masks need no retraining",
    source="Kwon, Kim, Mahoney, Hassoun, Keutzer & Gholami 2022, A Fast Post-Training Pruning "
    "Framework for Transformers, abstract",
    claim="Without retraining, half of the operations can be removed in under three minutes; "
    "the model is up to 1.56 times as fast and loses less than one point.",
    figure="half of the operations, 1.56x as fast, under a point, 3 minutes on a GPU",
    across="requested share",
    setting="`fisher` on 1024 training rows: masks are searched, rearranged and tuned, and "
    "nothing is trained; once with a share of the multiply-accumulates (`keep_macs`), "
    "once with the same share of the measured latency (`keep_latency`). Seconds of "
    "pruning are those with the number of threads given below. Latency is that of float32 "
    "in ONNX Runtime, measured alternately: batch 1, one thread, no padding, without "
    "tokenization, median of 300 calls.",
)
WHOLE = "whole model"
SECONDS = "seconds to prune to half of the multiply-accumulates"


class PrunedModel(NamedTuple):
    """A model pruned to a share of a budget.

    Attributes:
        budget: `OPERATIONS` or `TIME`.
        share: Share of the budget to keep.
        classifier: The pruned model.
        seconds: Duration of pruning, including the measurement of latencies.
    """

    budget: str
    share: float
    classifier: Classifier
    seconds: float


def loss_name(budget: str) -> str:
    """Return the name of the accuracy lost with half of a budget."""
    return f"test accuracy with half of {budget}, against the whole model"


def speedup_name(budget: str) -> str:
    """Return the name of the speed-up with half of a budget."""
    return f"as fast with half of {budget}"


def latency_name(budget: str, share: float) -> str:
    """Return the name of the measured latency for a share of a budget."""
    return f"time left with {100 * share:.0f} % of {budget}"


def measure(trial: Trial) -> TrialResult:
    """Prune to shares of both budgets, and measure accuracy and latency of all models.

    Args:
        trial: One seed of one dataset.

    Returns:
        Test accuracy by share, and the results with half of either budget.
    """
    accuracy_before = trial.accuracy(trial.teacher, trial.test)
    models = [_pruned(trial, b, s) for b in (OPERATIONS, TIME) for s in trial.subset(SHARES)]
    milliseconds = _times(trial, models)
    numbers = {WHOLE: Measurement("percent", accuracy_before)}
    curves = dict[str, dict[float, float]]()
    for model in models:
        accuracy = trial.accuracy(model.classifier, trial.test)
        curves.setdefault(model.budget, {})[model.share] = accuracy
        share = milliseconds[latency_name(model.budget, model.share)] / milliseconds[WHOLE]
        numbers[latency_name(model.budget, model.share)] = Measurement("percent", share)
        if model.share == HALF:
            numbers |= _numbers_of_half(model, accuracy - accuracy_before, 1 / share)
    return TrialResult(numbers, curves)


def judge(numbers: Numbers, curves: Curves) -> Verdict:
    """Compare with the paper's three numbers, and report how well each budget meets the latency.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Of all seeds.

    Returns:
        Holds if half of the operations cost under a point, reach the speed-up and take under three
        minutes; partly if some of this is true.
    """
    cost = numbers[loss_name(OPERATIONS)]
    speed = numbers[speedup_name(OPERATIONS)]
    seconds = numbers[SECONDS]
    deviations = {budget: mean_deviation(numbers, curves, budget) for budget in (OPERATIONS, TIME)}
    deviation_text = ", ".join(
        f"{format_points(value)} with {name}" for name, value in deviations.items()
    )
    reason = (
        f"With half of the multiply-accumulates, accuracy changes by {cost}, the model is {speed}"
        f" as fast, and pruning took {seconds} seconds. With half of the latency, accuracy changes"
        f" by {numbers[loss_name(TIME)]} and the model is {numbers[speedup_name(TIME)]} as fast."
        f" The remaining latency differs from the requested share by {deviation_text}."
    )
    return combine_parts(
        [cost.mean > -ONE_POINT, speed.mean >= FAST, seconds.mean < MINUTES], reason
    )


def mean_deviation(numbers: Numbers, curves: Curves, budget: str) -> float:
    """Return the mean deviation of the latency from the share, over shares and seeds.

    Args:
        numbers: Of all seeds, by the names of `measure`.
        curves: Of all seeds; their positions are the shares.
        budget: `OPERATIONS` or `TIME`.
    """
    return statistics.fmean(
        abs(value - share)
        for share in curves[budget].across
        for value in numbers[latency_name(budget, share)].seeds
    )


def _pruned(trial: Trial, budget: str, share: float) -> PrunedModel:
    """Prune without the cache, since the duration is measured."""
    from dataclasses import replace

    from coldpress.onnx import layer_latency
    from coldpress.pruning.pipeline import run_steps
    from coldpress.training import loop

    fields = {"keep_macs": share} if budget == OPERATIONS else {"keep_latency": share}
    step = Fisher.model_validate({"method": "fisher", **fields})
    loop.reseed(trial.seed, repr(step))
    context = replace(trial.pruning_context(), time_layers=layer_latency.measure_layer_latency)
    started = time.perf_counter()
    classifier = run_steps([step], trial.teacher, context).classifier
    return PrunedModel(budget, share, classifier, time.perf_counter() - started)


def _times(trial: Trial, pruned_models: list[PrunedModel]) -> dict[str, float]:
    from onnx_latency import median_milliseconds

    with ExitStack() as stack:
        models = {WHOLE: trial.checkpoint}
        for model in pruned_models:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            models[latency_name(model.budget, model.share)] = _write_checkpoint(
                model.classifier, folder / "model"
            )
        return median_milliseconds(models, trial.test)


def _write_checkpoint(classifier: Classifier, target: Path) -> Checkpoint:
    from coldpress.model import serialization
    from coldpress.model.checkpoint import Checkpoint, Manifest

    serialization.write_checkpoint(classifier, target, Manifest(stage="prune"))
    return Checkpoint.open(target)


def _numbers_of_half(model: PrunedModel, change: float, speed: float) -> dict[str, Measurement]:
    is_macs = model.budget == OPERATIONS
    numbers = {
        loss_name(model.budget): Measurement(
            "points", change, "under 1 point lost" if is_macs else None
        ),
        speedup_name(model.budget): Measurement(
            "times", speed, f"up to {FAST}x" if is_macs else None
        ),
    }
    return (
        {**numbers, SECONDS: Measurement("count", model.seconds, "under 180")}
        if is_macs
        else numbers
    )


SCRIPT = Script(PAPER, measure, judge, timed=True)

if __name__ == "__main__":
    script.main(SCRIPT)
